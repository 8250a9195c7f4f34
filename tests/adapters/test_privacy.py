"""The daemon's memory is its own: other processes of its user see nothing, and no core file is written."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has the switch")

_LOOK = """
import ctypes, os, pathlib, sys, time
from p2pbot.adapters.privacy import keep_memory_private
os.setgroups([]); os.setgid(65534); os.setuid(65534)
read, write = os.pipe()
child = os.fork()
if child == 0:
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as any process begins; the change of its user has closed this one
    closed = sys.argv[1] == "private" and keep_memory_private()
    os.write(write, b"x")
    time.sleep(60)
os.close(write)
os.read(read, 1)
try:
    print("seen", len(pathlib.Path(f"/proc/{child}/environ").read_bytes()) > 0)
    open(f"/proc/{child}/mem", "rb").close()
    print("memory open")
except PermissionError:
    print("refused")
finally:
    os.kill(child, 9)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("how", "says"), [("private", "refused"), ("open", "seen True\nmemory open")])
def test_another_process_of_the_same_user_sees_neither_environment_nor_memory(how: str, says: str) -> None:
    """Without the switch it sees both: that is what it is for."""
    command = [sys.executable, "-c", _LOOK, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == says


def test_it_can_be_asked_for_twice() -> None:
    """Whoever embeds the daemon may have done it already."""
    script = "from p2pbot.adapters.privacy import keep_memory_private as keep; assert keep() and keep()"
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - ours


_RUN = """
import ctypes
from p2pbot.cli import main
get_dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
before = get_dumpable()
assert main(["run", "--config", "there is none"]) == 78
print(before, get_dumpable())
"""


def test_the_daemon_is_closed_before_it_reads_anything() -> None:
    """Even a configuration that is not there is looked for with the door shut; no core file can be written then."""
    command = [sys.executable, "-c", _RUN]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.split() == ["1", "0"]
