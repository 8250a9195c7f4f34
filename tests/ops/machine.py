"""A small Debian, booted with its own systemd, with p2pbot installed as systemd/README.md says. Needs root.

Promise: the root is made once per test run in a directory of the tests; the machine has no network but its own
loopback, and ends with the context. What it needs of the host (mmdebstrap, systemd-nspawn) is asked for by ``missing``.
Not enforced inside: MemoryMax, TasksMax, IPAddressDeny – no test claims them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_TOOLS = ("mmdebstrap", "systemd-nspawn", "nsenter", "git")
_PACKAGES = "systemd,systemd-sysv,dbus,procps,python3,python3-venv,git"
_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
_INSTALL = (
    "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_NO_CACHE_DIR=1; "
    "cd /opt/p2pbot && sh requirements/venv.sh make .venv run"
)


def missing() -> str:
    """Return why no machine can be booted here, or nothing."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"not here: {', '.join(absent)} (apt-get install systemd-container mmdebstrap)" if absent else ""


def built(directory: Path) -> Path:
    """Make the root: Debian, this repository's last commit in /opt/p2pbot, and its environment from the lock."""
    root = directory / "root"
    _call("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", "trixie", str(root))
    _call("git", "clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(root / "opt/p2pbot"))
    version = _call("chroot", str(root), "python3", "-c", "import sys; print('%d%d' % sys.version_info[:2])").strip()
    locks = [option for name in ("build", "run") for option in ("-r", str(REPOSITORY / f"requirements/{name}.txt"))]
    platforms = [f"--platform=manylinux{tag}_x86_64" for tag in ("2014", "_2_17", "_2_28", "_2_34")]
    _call(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--require-hashes", *locks),
        *(f"--python-version={version}", "--implementation=cp", f"--abi=cp{version}", "--abi=abi3", "--abi=none"),
        *(*platforms, "--platform=any", "--dest", str(root / "wheels")),
    )
    _call("chroot", str(root), "env", "-i", _PATH, "HOME=/root", "sh", "-c", _INSTALL)
    shutil.copy(REPOSITORY / "systemd/p2pbot.service", root / "etc/systemd/system/p2pbot.service")
    return root


@dataclass(frozen=True, slots=True)
class Machine:
    """A booted machine; ``leader`` is its first process."""

    leader: int

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a command in the machine and return what it printed, errors included."""
        inside = ("nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--")
        done = subprocess.run(  # noqa: S603 - a command of the tests, in a machine of the tests
            [*inside, "env", "-i", _PATH, "sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
            text=True,
        )
        if check and done.returncode:
            raise AssertionError(f"{command!r} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return done.stdout

    def until(self, condition: Callable[[], bool], what: str, *, timeout_s: float = 60.0) -> None:
        """Wait for a condition. Raises AssertionError with the journal's end."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end_s:
                raise AssertionError(f"not within {timeout_s} s: {what}\n{self.journal()[-6000:]}")
            time.sleep(0.1)  # conditions of another system have no event to wait for

    def journal(self) -> str:
        """Return what the service wrote, and what systemd wrote of it."""
        return self.run("journalctl -u p2pbot -o cat --no-pager")

    def show(self, name: str) -> str:
        """Return a property of the service."""
        return self.run(f"systemctl show p2pbot -p {shlex.quote(name)} --value").strip()


@contextmanager
def booted(root: Path, name: str) -> Iterator[Machine]:
    """Boot the root; what is written in it is forgotten with the machine."""
    command = [
        *("systemd-nspawn", "-q", "-D", str(root), "-M", name, "--register=no", "--keep-unit", "--private-network"),
        *("--boot", "--console=read-only", "--volatile=overlay"),
    ]
    with (root.parent / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            machine = Machine(_leader(process.pid))
            machine.until(lambda: _is_up(machine), "the machine is up")
            yield machine
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.terminate()
                process.wait(30)
            process.kill()
            process.wait()


def _is_up(machine: Machine) -> bool:
    return machine.run("systemctl is-system-running", check=False).strip() in ("running", "degraded")


def _leader(nspawn: int) -> int:
    """Return the first process of the machine: nspawn's child."""
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        with suppress(OSError):  # the first child only makes room for the second, and is gone before it is read
            for child in Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        time.sleep(0.05)
    raise AssertionError("the machine did not start")


def _call(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True, timeout=600)  # noqa: S603 - a command of the tests
    if done.returncode:
        raise AssertionError(f"{shlex.join(command)[:200]} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout
