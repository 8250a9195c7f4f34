"""The door to Apprise, by which words reach the operator's phone: a hundred services, each an address with its secret.

Promise: ``send`` returns within its deadline and never raises; a service that hangs occupies one thread of its own,
which neither the event loop nor the process's end waits for, and it is not asked again before that thread is back. What
is sent holds no known secret, and neither does the reason why something was not sent.
Danger: an address is a secret, and so are its parts: the library puts them into requests and their errors. The library
is imported with the first address (0.4 s, some 40 MB), never without one.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from p2pbot.adapters.redaction import escape, scrub, shorten
from p2pbot.adapters.threads import AbandonableThreads
from p2pbot.conversation.notices import Message
from p2pbot.errors import ConfigError
from p2pbot.secret import Secret

if TYPE_CHECKING:
    from apprise import Apprise, AppriseAsset

SEND_S = 30.0  # Apprise gives each connect and each answer some seconds; a mail needs several of both
_HUNG = "the service does not answer"
_LONGEST_REASON = 200
_SHORTEST_PART = 8  # of an address: shorter words are no tokens, and would blank ordinary ones out of the log


class AppriseService:
    """``ports.Messenger`` for one service."""

    def __init__(self, name: str, url: Secret, *, timeout_s: float = SEND_S) -> None:
        """Take the service's address. Raises ConfigError when Apprise does not understand it."""
        self.name = name
        self._service = _service(url)
        self._parts = tuple(Secret(part) for part in _telling_parts(url.reveal()))  # alive, so that nets know them
        self.longest_s = timeout_s
        self._threads = AbandonableThreads(1)
        self._job: Future[str] | None = None

    async def send(self, message: Message) -> str:
        """Send; return '' when the service has taken it, else why not."""
        if self._job is not None and not self._job.done():
            return _HUNG
        self._job = self._threads.submit(self._send, message)
        try:
            async with asyncio.timeout(self.longest_s):
                return await asyncio.wrap_future(self._job)
        except TimeoutError:
            return _HUNG

    def _send(self, message: Message) -> str:
        """Send; this runs on the service's own thread."""
        kind = "warning" if message.urgent else "info"
        try:
            result = self._service.notify(
                body=scrub(message.text), title=scrub(message.title), notify_type=kind, body_format="text"
            )
            return "" if result else _why([entry.message for entry in result.logs()])
        except BaseException as error:  # noqa: BLE001 - a hundred plugins: whatever it is, it is a word not said
            return _why([f"{type(error).__name__}: {error}"])


def _why(lines: list[str]) -> str:
    return shorten(escape(scrub(lines[-1])), _LONGEST_REASON) if lines else "the service refused it"


def _service(url: Secret) -> Apprise:
    """Return Apprise with this one service."""
    with warnings.catch_warnings():  # one of its hundred plugins imports a module that Python deprecates
        warnings.simplefilter("ignore")
        from apprise import Apprise, OverflowMode  # noqa: PLC0415 - it is heavy, and most run without it

        logging.getLogger("apprise").propagate = False  # what it says of a failure comes with the result
        apprise = Apprise(asset=_asset())
        taken = apprise.add(url.reveal())
    services = list(apprise)
    if not taken or not services:
        remedy = "docs/notifications.md shows addresses that work; https://appriseit.com lists all services"
        raise ConfigError("Apprise does not understand this address", remedy=remedy)
    if not all(service.verify_certificate for service in services):
        raise ConfigError("`verify=no` would talk to anybody", remedy="take it out of the address")
    for service in services:
        service.overflow_mode = (
            OverflowMode.SPLIT
        )  # a text that is too long for the service comes whole, in two messages
    return apprise


def _asset() -> AppriseAsset:
    """Return how Apprise behaves: it keeps nothing on disk, follows nobody, starts no thread, makes no keys."""
    from apprise import AppriseAsset  # noqa: PLC0415 - as above

    return AppriseAsset(
        app_id="p2pbot",
        app_desc="p2pbot",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        storage_mode="memory",
        allow_templates=False,
        service_timeout=0,
        http_redirects=False,
        interpret_emojis=False,
        pgp_autogen=False,
        pem_autogen=False,
    )


def _telling_parts(url: str) -> Iterator[str]:
    """Yield what of an address would betray it: user, password, path, values, and a host that is no host but a key."""
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    values = (value for _, value in parse_qsl(parts.query))
    pieces = [*user.split(":", 1), *parts.path.split("/"), *values]
    if "." not in place and not place.startswith("["):
        pieces += [place, *place.split(":")]
    for piece in pieces:
        for form in {piece, unquote(piece)}:
            if len(form) >= _SHORTEST_PART:
                yield form
