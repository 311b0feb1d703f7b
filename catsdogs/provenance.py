"""When, where and with what a number was made."""

import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

RECORDED_PACKAGES = ("catsdogs", "tensorflow", "keras", "numpy", "scikit-learn", "pillow", "ai-edge-litert")


def today() -> str:
    """The date in UTC, as ``2026-11-25``."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d")


def versions(packages: Sequence[str] = RECORDED_PACKAGES) -> dict[str, str]:
    """Versions of Python, the platform and the packages that shape the numbers; empty for one that is not there."""
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found
