"""What the program asks of the kernel is what the unit's filter lets through: an upgrade that asks for more fails here.

Danger: only what the demonstration does is seen (sockets, TLS, SQLite, pictures, threads, the end). ``make ops`` runs
the service itself under the filter, with death as the answer to a call that it refuses.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "systemd/p2pbot.service").read_text("utf-8")
# SQLite gives its files their directory's owner, but only where it runs as root, which the service never does.
AS_ROOT_ONLY = {"fchown"}


def tool(name: str) -> str:
    """Return a tool's path. Skips where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here")
    return found


@cache
def members(group: str) -> frozenset[str]:
    """Return the system calls of one of systemd's groups, of the groups in it too."""
    listed = run(tool("systemd-analyze"), "--no-pager", "syscall-filter", group).stdout
    named = [line.strip() for line in listed.splitlines() if line.startswith("    ") and "#" not in line]
    calls = {name for name in named if not name.startswith("@")}
    return frozenset(calls.union(*(members(name) for name in named if name.startswith("@"))))


def let_through() -> frozenset[str]:
    """Return the calls that the unit's filter lets through."""
    allowed: frozenset[str] = frozenset()
    for line in re.findall(r"^SystemCallFilter=(.*)$", UNIT, re.MULTILINE):
        named = frozenset[str]().union(*(members(group) for group in line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def run(*command: str, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
    """Run a command of the tests."""
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT)  # noqa: S603 - ours


def refused_calls(trace: Path, *command: str, ends_with: str = "") -> set[str]:
    """Run a command to its end and return which calls it made that the filter would refuse.

    Whether all went well with it is not asked here. Skips where nobody may trace.
    """
    wanted = "trace=!" + ",".join(f"?{name}" for name in sorted(let_through()))
    options = ("-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-e", wanted, "-o", str(trace))
    done = run(tool("strace"), *options, *command)
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip(f"nobody may trace here: {done.stderr.strip()[:100]}")
    assert ends_with in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)", trace.read_text("utf-8"), re.MULTILINE))


def test_the_filter_is_read_as_systemd_reads_it() -> None:
    """Groups within groups are followed, and what is taken away again is gone."""
    allowed = let_through()
    assert {"read", "openat", "epoll_wait", "sendto", "clone3"} <= allowed
    assert not {"mount", "ptrace", "setuid", "bpf", "reboot", "setpriority"} & allowed


def test_a_refused_call_is_seen(tmp_path: Path) -> None:
    """A program that asks for another priority does what the filter refuses."""
    asks = "import os; os.setpriority(os.PRIO_PROCESS, 0, 5)"
    assert refused_calls(tmp_path / "trace", sys.executable, "-c", asks) == {"setpriority"}


def test_the_program_asks_for_nothing_that_the_filter_refuses(tmp_path: Path) -> None:
    """A whole life – start, chats, pictures, a lost connection, the end – stays within the unit's SystemCallFilter."""
    demo = (sys.executable, "-m", "p2pbot", "demo", "--script")
    asked = refused_calls(tmp_path / "trace", *demo, ends_with="p2pbot has settled what was in flight and stopped")
    assert asked <= (AS_ROOT_ONLY if os.geteuid() == 0 else set())
