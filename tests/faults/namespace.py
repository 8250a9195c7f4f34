"""A network of the test's own: this thread enters a new network namespace, where packets can be dropped.

Promise: nothing outside the namespace is touched, and the thread returns to where it was. Needs root, ``ip`` and
``iptables``; ``why_not`` says in plain words what is missing.
Danger: threads that exist already stay outside; sockets that are open keep working there.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_OURS = Path("/proc/thread-self/ns/net")


def why_not() -> str:
    """Return why packets cannot be dropped on this machine; '' if they can."""
    if os.geteuid() != 0:
        return "not root"
    missing = [tool for tool in ("ip", "iptables", "unshare") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    tried = subprocess.run(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && iptables -A INPUT -p tcp --dport 1 -j DROP"],  # noqa: S607 - the machine's own tools
        capture_output=True,
        text=True,
        check=False,
    )
    return f"the kernel refuses: {tried.stderr.strip()[:200]}" if tried.returncode else ""


@dataclass(frozen=True)
class Network:
    """Rules for packets to and from a port of 127.0.0.1."""

    def drop(self, port: int, *, to_server: bool = True, to_client: bool = True) -> None:
        """Lose packets without a word."""
        if to_server:
            _run("iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(port), "-j", "DROP")
        if to_client:
            _run("iptables", "-A", "INPUT", "-p", "tcp", "--sport", str(port), "-j", "DROP")

    def lose(self, port: int, share: float) -> None:
        """Lose this share of the packets in both directions."""
        chance = ("-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")
        for way in ("--dport", "--sport"):
            _run("iptables", "-A", "INPUT", "-p", "tcp", way, str(port), *chance)

    def reject(self, port: int) -> None:
        """Answer packets with a reset, as a firewall does that has forgotten the connection."""
        _run("iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(port), "-j", "REJECT", "--reject-with", "tcp-reset")

    def unplug(self) -> None:
        """Take the network away altogether."""
        _run("ip", "link", "set", "lo", "down")

    def swallow_everything(self) -> None:
        """Let packets for any other machine leave, and never arrive: name servers, for one, do not answer any more."""
        _run("ip", "route", "replace", "default", "dev", "lo")

    def heal(self) -> None:
        """Let everything pass again."""
        _run("iptables", "-F")
        _run("ip", "link", "set", "lo", "up")


@contextmanager
def own_network() -> Iterator[Network]:
    """Put this thread, and processes that it starts, into a network of its own while the block lasts."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open(_OURS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            _run("ip", "link", "set", "lo", "up")
            yield Network()
        finally:
            if libc.setns(before, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(before)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words and port numbers
