"""Check the style of the book's scripts with Biome: ``python book/lint_javascript.py``.

Biome comes from npm, in the version that ``book/web`` pins. Without npm the check is skipped, but not where ``CI`` is
set.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from book_web import installed_packages


def main():
    """Lint what ``biome.json`` names and return the exit code."""
    packages = installed_packages(ROOT / "_build" / "lint")
    if packages is None:
        print("O npm não está à mão: o estilo do JavaScript não foi conferido.")
        return 1 if os.environ.get("CI") else 0
    biome = shutil.which("biome", path=packages / ".bin")
    return subprocess.run([biome, "lint", "--error-on-warnings"], cwd=ROOT).returncode


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
