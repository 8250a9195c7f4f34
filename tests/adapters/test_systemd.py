"""What is said to systemd, over a real notification socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2pbot.adapters.systemd import ServiceManager
from tests.fakes.scripted_server import QuickClock
from tests.fakes.world import Recorder


class SetClock(QuickClock):
    """A clock that a test sets."""

    at_s = 1000.0

    def monotonic_s(self) -> float:
        """Return what was set."""
        return self.at_s


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """A notification socket in the file system."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(0)
        yield made


def heard(ear: socket.socket) -> list[str]:
    """Return every word that waits."""
    words = []
    while True:
        try:
            words.append(ear.recv(4096).decode())
        except BlockingIOError:
            return words


def manager(ear: socket.socket, clock: SetClock | None = None, **environ: str) -> ServiceManager:
    """Return a manager that speaks to ``ear``."""
    return ServiceManager({"NOTIFY_SOCKET": ear.getsockname(), **environ}, clock or SetClock(), Recorder())


def test_the_life_of_a_service_is_told(ear: socket.socket) -> None:
    """Ready, reloading with its time, ready again, stopping."""
    service = manager(ear)
    service.ready()
    service.reloading()
    service.ready()
    service.stopping()
    assert heard(ear) == ["READY=1", "RELOADING=1\nMONOTONIC_USEC=1000000000", "READY=1", "STOPPING=1"]


def test_a_status_is_one_line(ear: socket.socket) -> None:
    """Line breaks would be read as words of their own."""
    manager(ear).status("main: open\nREADY=1 " + "x" * 500)
    (word,) = heard(ear)
    assert word.startswith("STATUS=main: open READY=1 xxx")
    assert len(word) == len("STATUS=") + 200


def test_the_watchdog_is_fed_each_third_of_its_period(ear: socket.socket) -> None:
    """However often it is asked to, and never later than a third of the period."""
    clock = SetClock()
    service = manager(ear, clock, WATCHDOG_USEC="60000000")
    for at_s in range(0, 60, 2):
        clock.at_s = 1000.0 + at_s
        service.alive()
    assert heard(ear) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "given", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}]
)
def test_a_watchdog_that_is_not_ours_is_not_fed(ear: socket.socket, given: dict[str, str]) -> None:
    """Without a period, or with another process's number, nothing is said."""
    ServiceManager({"NOTIFY_SOCKET": ear.getsockname(), **given}, SetClock(), Recorder()).alive()
    assert heard(ear) == []


def test_our_own_watchdog_is_fed(ear: socket.socket) -> None:
    """The number that systemd gives is this process's."""
    manager(ear, WATCHDOG_USEC="1000", WATCHDOG_PID=str(os.getpid())).alive()
    assert heard(ear) == ["WATCHDOG=1"]


def test_an_abstract_socket_is_reached() -> None:
    """A name that begins with @ is one of Linux's abstract addresses."""
    name = f"p2pbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind("\0" + name)
        abstract.settimeout(0)
        ServiceManager({"NOTIFY_SOCKET": "@" + name}, SetClock(), Recorder()).ready()
        assert heard(abstract) == ["READY=1"]


def test_without_systemd_nothing_happens() -> None:
    """No socket, no word, no complaint."""
    events = Recorder()
    service = ServiceManager({}, SetClock(), events)
    service.ready()
    service.alive()
    assert events.events == []


def test_a_deaf_systemd_is_told_once_and_harms_nobody(tmp_path: Path) -> None:
    """A socket that is gone costs one line of the log."""
    events = Recorder()
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, SetClock(), events)
    service.ready()
    service.stopping()
    assert [event for event, _ in events.events] == ["service_manager_deaf"]


def test_the_socket_is_not_handed_on(ear: socket.socket) -> None:
    """A child of ours cannot speak in our name."""
    environ = {"NOTIFY_SOCKET": str(ear.getsockname()), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}
    ServiceManager(environ, SetClock(), Recorder())
    assert environ == {}
