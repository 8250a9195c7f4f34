"""``p2pbot``, started with two doors that can hang, to see the watchdog work: runs in what tests/ops boot alone.

Promise: nothing is wrong until a file ``hang`` beside this one says which door is to hang: ``loop`` – a door that the
event loop calls itself never returns; ``task`` – a door that one root loop waits for never answers.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from p2pbot.adapters.dead_man import DeadMansHandle
from p2pbot.adapters.rule_stamps import RuleStamps
from p2pbot.adapters.systemd import ServiceManager
from p2pbot.cli import main
from p2pbot.conversation import progress

WHICH = Path(__file__).with_name("hang")
_look, _status = RuleStamps.__call__, ServiceManager.status


def to_hang(door: str) -> bool:
    """Whether the test wants this door to hang."""
    return WHICH.exists() and WHICH.read_text("utf-8").strip() == door


def look(self: RuleStamps) -> tuple[tuple[str, int, int], ...]:
    """Look at the rules' files; this runs in a thread, and one root loop waits for it."""
    if to_hang("task"):
        threading.Event().wait()
    return _look(self)


def status(self: ServiceManager, text: str) -> None:
    """Tell the status; this runs in the event loop itself."""
    while to_hang("loop"):
        pass
    _status(self, text)


if __name__ == "__main__":
    # Two minutes are for real disks; a test need not wait for them.
    progress.WORK_S = 3.0
    DeadMansHandle.__init__.__defaults__ = (6.0,)
    RuleStamps.__call__ = look  # type: ignore[method-assign]
    ServiceManager.status = status  # type: ignore[method-assign]
    raise SystemExit(main(sys.argv[1:]))
