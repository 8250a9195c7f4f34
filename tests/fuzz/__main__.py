"""``python -m tests.fuzz``."""

from __future__ import annotations

import signal
import sys

from tests.fuzz.command import main

if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):  # a run in the background is stopped too, and shows its table
        signal.signal(number, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
