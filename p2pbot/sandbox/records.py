"""What checkers may read: everything the bot did to the simulated exchange, and the chat as the counterparty sees it.

Promise: frozen values, appended and never changed; the newest are kept when a bound is met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a frame that our side wrote."""

    DELIVERED = "delivered"  # in the chat, the counterparty sees it
    REJECTED = "rejected"  # answered by an error frame
    SWALLOWED = "swallowed"  # lost without a word
    REPEATED = "repeated"  # the uuid was known and the world deduplicates: echoed again, not shown again
    IGNORED = "ignored"  # not a chat frame at all


class Speaker(StrEnum):
    """Who made a line of the chat."""

    COUNTERPARTY = "counterparty"
    BOT = "bot"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One frame that our side wrote. ``reason`` says why it was not delivered; ``echoed`` whether an echo was made."""

    at_ms: int
    account: str
    socket_id: int
    kind: str
    outcome: Outcome
    reason: str = ""
    uuid: str = ""
    order_no: str = ""
    text: str = field(default="", repr=False)
    image_url: str = field(default="", repr=False)
    message_id: int = 0
    echoed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLine:
    """One line of an order's true chat. ``at_ms`` is the exchange's time."""

    message_id: int
    by: Speaker
    kind: str
    text: str = field(repr=False)
    at_ms: int
    uuid: str
    image_url: str = field(default="", repr=False)
    width: int = 0
    height: int = 0
    recalled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectSeen:
    """One attempt to open a chat socket. ``status`` is the handshake's (101 = open)."""

    at_ms: int
    account: str
    status: int
    reason: str = ""
    socket_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSeen:
    """One REST call. ``endpoint`` is the last part of its path, ``code`` the answer's code as text."""

    at_ms: int
    account: str
    endpoint: str
    status: int
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSeen:
    """One PUT of a picture. ``violation`` names what our side must never do (its key or cookies on the upload)."""

    at_ms: int
    account: str
    status: int
    size: int
    content_type: str = ""
    violation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeen:
    """One event of a socket of the account context: ``what`` is opened, left, refused or closed."""

    at_ms: int
    socket_id: int
    kind: str
    account: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WsCallSeen:
    """One request over a WebSocket API. ``code`` is the error's as text, '' on success; ``signed`` by whatever key."""

    at_ms: int
    socket_id: int
    account: str
    method: str
    status: int
    code: str = ""
    signed: bool = False
