"""``python -m p2pbot`` is ``p2pbot``."""

from __future__ import annotations

import sys

from p2pbot.cli import main

if __name__ == "__main__":
    sys.exit(main())
