"""The mutable inside of the simulated exchange: accounts, orders, sockets, the agenda and the effects to carry out.

Promise: no clock, no I/O, no randomness of its own. A shell hands in time and dice, then takes ``effects`` and writes
them to its sockets in order.
Every collection has a bound; the newest stay, for it is the newest that a checker asks about.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from p2pbot.sandbox.chance import Chance, uuid_text
from p2pbot.sandbox.faults import FaultBook
from p2pbot.sandbox.life import Life
from p2pbot.sandbox.options import Dialect, OrderSpec, SandboxAccount, WorldOptions
from p2pbot.sandbox.records import CallSeen, ConnectSeen, Received, SeenLine, Speaker, UploadSeen

MOST_RECORDS = 200_000  # an hour of a bench at 50 messages a second; some 100 MB at worst
MOST_LINES = 20_000  # per order: far above any talk, low enough that a loop cannot eat the machine
_LAST_WORDS = 100
MOST_ORDERS = 20_000


@dataclass(frozen=True, slots=True)
class Push:
    """Write one message to a socket, in ``fragments`` frames."""

    socket_id: int
    data: str | bytes = field(repr=False)
    fragments: int = 1


@dataclass(frozen=True, slots=True)
class Close:
    """Close a socket with a code and a reason."""

    socket_id: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset a socket's TCP connection."""

    socket_id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Write a ping that carries a payload."""

    socket_id: int
    payload: bytes


Effect: TypeAlias = Push | Close | Abort | Ping


class Mute(StrEnum):
    """How a socket fails to talk."""

    NONE = "none"
    SILENT = "silent"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class Socket:
    """One open chat socket. ``held`` is a push that waits for the next one, ``free_ms`` when the last one leaves."""

    socket_id: int
    account: str
    opened_ms: int
    mute: Mute = Mute.NONE
    free_ms: int = 0
    held: Push | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A chat picture's place and size."""

    url: str = field(repr=False)
    thumbnail_url: str = field(repr=False)
    declared_type: str = "IMAGE"
    width: int = 640
    height: int = 480


@dataclass(slots=True)
class Line:
    """One line of an order's chat. ``visible_ms`` is when the history shows it."""

    message_id: int
    uuid: str
    kind: str
    by: Speaker
    text: str = field(repr=False)
    created_ms: int
    visible_ms: int
    picture: Picture | None = None
    read: bool = False
    recalled: bool = False

    def seen(self) -> SeenLine:
        """Return what a checker may see."""
        url = self.picture.url if self.picture else ""
        return SeenLine(
            message_id=self.message_id,
            by=self.by,
            kind=self.kind,
            text=self.text,
            at_ms=self.created_ms,
            uuid=self.uuid,
            image_url=url,
            width=self.picture.width if self.picture else 0,
            height=self.picture.height if self.picture else 0,
            recalled=self.recalled,
        )


@dataclass(slots=True)
class Order:
    """One order and its chat."""

    number: str
    account: str
    nickname: str
    spec: OrderSpec = field(repr=False)
    dialect: Dialect
    created_ms: int
    life: Life
    pay_end_ms: int
    paid_ms: int | None = None
    release_end_ms: int | None = None
    cancelled_ms: int | None = None
    appealed: bool = False
    warned: bool = False
    lines: list[Line] = field(default_factory=list, repr=False)
    unread_by_us: list[Line] = field(default_factory=list, repr=False)
    unread_by_them: list[Line] = field(default_factory=list, repr=False)

    @property
    def is_full(self) -> bool:
        """Whether our side may not write any more; the exchange and the counterparty have some lines left."""
        return len(self.lines) >= MOST_LINES - _LAST_WORDS

    @property
    def unread(self) -> int:
        """How many of the counterparty's lines our side has not read."""
        return len(self.unread_by_us)

    def add(self, line: Line) -> None:
        """Append a line; it is unread by whoever did not make it."""
        self.lines.append(line)
        if line.by is Speaker.COUNTERPARTY:
            self.unread_by_us.append(line)
        elif line.by is not Speaker.SYSTEM:
            self.unread_by_them.append(line)


@dataclass(slots=True)
class Account:
    """One merchant account and what it did."""

    spec: SandboxAccount
    listen_key: str = field(repr=False)
    upload_key: str
    tokens: deque[str] = field(default_factory=lambda: deque(maxlen=1000), repr=False)
    presigned_ms: deque[int] = field(default_factory=lambda: deque(maxlen=1000))
    frames_ms: deque[int] = field(default_factory=lambda: deque(maxlen=100))
    received: deque[Received] = field(default_factory=lambda: deque(maxlen=MOST_RECORDS))
    connects: deque[ConnectSeen] = field(default_factory=lambda: deque(maxlen=MOST_RECORDS))
    calls: deque[CallSeen] = field(default_factory=lambda: deque(maxlen=MOST_RECORDS))
    uploads: deque[UploadSeen] = field(default_factory=lambda: deque(maxlen=MOST_RECORDS))
    lost_pushes: int = 0
    key_valid: bool = True  # False: deleted, or used from an address that is not allowed


Task: TypeAlias = Callable[[int], None]


class State:
    """All of it."""

    def __init__(self, options: WorldOptions, rng: Chance) -> None:
        self.options = options
        self.rng = rng
        self.rest_url = "https://127.0.0.1"
        self.chat_url = "wss://127.0.0.1/chat"
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.sockets: dict[int, Socket] = {}
        self.faults = FaultBook()
        self.effects: list[Effect] = []
        self.placed: dict[str, None] = {}  # where pictures of ours were uploaded to, oldest first
        self._agenda: list[tuple[int, int, Task]] = []
        self._made = 0
        self._last_id = 4_000_000_000_000 + rng.randrange(0, 1_000_000)

    def next_message_id(self) -> int:
        """Return a message id: increasing, with gaps."""
        self._last_id += self.rng.randrange(1, 8)
        return self._last_id

    def next_socket_id(self) -> int:
        """Return a socket's number."""
        self._made += 1
        return self._made

    def new_uuid(self) -> str:
        """Return a message identity that is not ours."""
        return uuid_text(self.rng)

    def exchange_ms(self, now_ms: int) -> int:
        """Return the exchange's own time: ``now_ms`` plus the ``clock_skew`` in force."""
        skew = self.faults.find("clock_skew", now_ms)
        return now_ms + skew.number("skew_ms") if skew else now_ms

    def later(self, at_ms: int, task: Task) -> None:
        """Put a task on the agenda; equal times keep their order."""
        self._made += 1
        heapq.heappush(self._agenda, (at_ms, self._made, task))

    def due_ms(self) -> int | None:
        """Return when the next task is due, or None."""
        return self._agenda[0][0] if self._agenda else None

    def run_due(self, now_ms: int) -> None:
        """Carry out what is due."""
        while self._agenda and self._agenda[0][0] <= now_ms:
            heapq.heappop(self._agenda)[2](now_ms)

    def order(self, number: str) -> Order:
        """Return an order. Raises KeyError with a sentence."""
        if number not in self.orders:
            raise KeyError(f"the sandbox has no order {number!r}")
        return self.orders[number]

    def account(self, name: str) -> Account:
        """Return an account. Raises KeyError with a sentence."""
        if name not in self.accounts:
            raise KeyError(f"the sandbox has no account {name!r}; it has {', '.join(self.accounts)}")
        return self.accounts[name]

    def sockets_of(self, account: str) -> list[Socket]:
        """Return the account's open sockets, oldest first."""
        return [socket for socket in self.sockets.values() if socket.account == account]
