"""The door to systemd's notification socket: ready, reloading, stopping, a line of status, and the watchdog's food.

Promise: outside systemd (no ``$NOTIFY_SOCKET``) every word is a no-op; inside, a word that cannot be said is logged
once and never raised: the daemon must not end because its supervisor is hard of hearing.
Danger: the socket's name leaves the environment here, so that no child can speak in our name.
Source: sd_notify(3), sd_watchdog_enabled(3). Written here because it is one datagram; the libraries for it are not kept
or need a C compiler.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

from p2pbot.ports import Clock, Events

_LONGEST_STATUS = 200


class ServiceManager:
    """What we say to systemd. ``watchdog_s`` is how often it wants to hear from us; None: never."""

    def __init__(self, environ: MutableMapping[str, str], clock: Clock, events: Events) -> None:
        self._address = _address(environ.pop("NOTIFY_SOCKET", ""))
        self._clock = clock
        self._events = events
        self._failed = False
        self._fed_s: float | None = None
        self.watchdog_s = _watchdog_s(environ)

    def ready(self) -> None:
        """Say that the start is done: what is local works; the exchange is no part of it."""
        self._say("READY=1")

    def reloading(self) -> None:
        """Say that the rules are being loaded again; ``ready`` ends it."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.monotonic_s() * 1_000_000)}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._say("STOPPING=1")

    def status(self, text: str) -> None:
        """Say one line for ``systemctl status``."""
        self._say(f"STATUS={' '.join(text.split())[:_LONGEST_STATUS]}")

    def alive(self) -> None:
        """Feed the watchdog, at most twice in its period. To be called by what must not hang."""
        now_s = self._clock.monotonic_s()
        if self.watchdog_s is None or (self._fed_s is not None and now_s - self._fed_s < self.watchdog_s / 3):
            return
        self._fed_s = now_s
        self._say("WATCHDOG=1")

    def _say(self, words: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.setblocking(False)  # noqa: FBT003 - the socket's own word
                notify.sendto(words.encode(), self._address)
        except OSError as error:
            if not self._failed:
                self._events.warning("service_manager_deaf", what=error.strerror)
            self._failed = True


def _address(given: str) -> str:
    """Return the socket's address; ``@`` begins an abstract one. Others (vsock) are none of ours."""
    if given.startswith("@"):
        return "\0" + given[1:]
    return given if given.startswith("/") else ""


def _watchdog_s(environ: MutableMapping[str, str]) -> float | None:
    """Return the watchdog's period if it is meant for this process."""
    period, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return None
    with suppress(ValueError):
        return int(period) / 1_000_000 or None
    return None
