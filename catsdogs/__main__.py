"""``python -m catsdogs``."""

import sys

from catsdogs.cli import main

if __name__ == "__main__":
    sys.exit(main())
