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


def device_names() -> list[str]:
    """The devices that TensorFlow sees, such as ``["CPU", "GPU NVIDIA A100"]``."""
    from catsdogs.quiet import tf  # what only asks for versions starts without it

    found = []
    for device in tf.config.list_physical_devices():
        model = tf.config.experimental.get_device_details(device).get("device_name", "")
        found.append(f"{device.device_type} {model}".strip())
    return found
