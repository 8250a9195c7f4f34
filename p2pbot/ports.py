"""What the loops ask of the outside world: protocols only, one per door.

Promise: everything here raises only what ``p2pbot.errors`` draws. A loop sees no library, no file and no clock but
these,
so that a test can put the whole daemon into a world of its own.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from p2pbot.conversation.records import (
    Claim,
    ClaimResult,
    InboxEntry,
    OrderMemory,
    OutboxRow,
    OutboxState,
    Talk,
    Uploaded,
)
from p2pbot.conversation.summary import Rehearsed
from p2pbot.model import Notice, Picture, Reason
from p2pbot.protocol.pictures import FetchedPicture
from p2pbot.protocol.rest import RestCall
from p2pbot.protocol.user_data_events import AccountSnapshot, Source, UserDataEvent
from p2pbot.protocol.ws_call import WsCall
from p2pbot.secret import Secret

T = TypeVar("T")

DAY_MS = 86_400_000


class Clock(Protocol):
    """Time. Wall time for what people and the exchange see, monotonic time for waiting."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds; it may leap."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards and stand still during suspend."""
        ...

    def boottime_s(self) -> float:
        """Return seconds that never run backwards and count suspend too.

        Its leap ahead of ``monotonic_s`` is a suspend.
        """
        ...

    def computed_s(self) -> float:
        """Return seconds that this thread has computed: what neighbours on the machine take does not count."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait ``delay_s`` seconds of monotonic time."""
        ...


class Rng(Protocol):
    """Randomness: jitter, delays and identities."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        ...

    def uuid(self) -> str:
        """Return a new message identity (UUID4 text)."""
        ...


class Rest(Protocol):
    """The exchange's REST interface for one account.

    Signs, keeps the clock offset, retries idempotent calls briefly.
    """

    @property
    def clock_offset_ms(self) -> int | None:
        """Exchange time minus our clock, in ms; None until it is learnt."""
        ...

    async def call(self, request: RestCall[T]) -> T:
        """Return the call's parsed ``data``.

        Raises KeyRefused, LocationRefused, RateLimited, RequestRefused, ExchangeUnavailable, AnswerMalformed,
        ConnectFailed, TimedOut.
        """
        ...


class WsApi(Protocol):
    """One session of the exchange's WebSocket API: sends a call on whatever connection is up and returns its answer."""

    @property
    def clock_offset_ms(self) -> int | None:
        """Exchange time minus our clock, in ms; None until it is learnt."""
        ...

    async def call(self, request: WsCall[T]) -> T:
        """Return the call's parsed ``result``.

        Raises what ``Rest.call`` raises, ConnectionLost when the connection ended before the answer, and TimedOut.
        """
        ...


class AccountSink(Protocol):
    """Who keeps what the user-data streams tell of an account. Called in order, from the event loop; returns at once.

    Between ``gap_opened`` and ``gap_closed`` of a source nothing that is kept of it may be called known.
    """

    def gap_opened(self, source: Source, at_ms: int) -> None:
        """Learn that changes may be missed from now on (again while it is open: it changes nothing)."""
        ...

    def snapshot(self, source: Source, snapshot: AccountSnapshot) -> None:
        """Take the whole account in place of all that was kept; the events that it does not hold yet follow."""
        ...

    def event(self, source: Source, event: UserDataEvent) -> None:
        """Take one event, each once, none older than what was told before of the same thing."""
        ...

    def gap_closed(self, source: Source, at_ms: int) -> None:
        """Learn that what is kept is the account's state again."""
        ...


class Brake(Protocol):
    """The kill switch outside the store: a file ``PAUSE`` beside an account's rules."""

    def is_set(self, account: str) -> bool:
        """Whether the account must not speak now. A file that cannot be looked at counts as set."""
        ...


class Connection(Protocol):
    """One open WebSocket."""

    async def receive(self) -> str | bytes:
        """Return the next message, whole whatever its fragments. Raises ConnectionLost."""
        ...

    async def send(self, text: str) -> None:
        """Write one text message. Raises ConnectionLost; then nobody knows whether it left."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; returns within the door's close deadline and never raises."""
        ...


class Wire(Protocol):
    """Opens WebSockets with the keepalive of the architecture (ping 15 s, pong deadline 10 s, close 3 s)."""

    async def connect(self, url: Secret) -> Connection:
        """Open ``url``.

        Raises CredentialRefused (401, 403, 404), RateLimited (429, 418), LocationRefused, ExchangeUnavailable,
        ConnectFailed, TimedOut.
        """
        ...


class Uploader(Protocol):
    """Puts a picture where the exchange told us to."""

    async def put(self, url: Secret, picture: Picture, data: bytes) -> None:
        """Upload ``data``; return when the place has confirmed it.

        Raises UploadRefused, UploadExpired, UploadForbidden, ExchangeUnavailable, ConnectFailed, ConnectionLost,
        TimedOut.
        """
        ...


class PictureShelf(Protocol):
    """The bytes of the pictures that rules have, as they were when they were checked."""

    async def take(self, picture: Picture) -> bytes | None:
        """Return the picture's bytes, or None when they are not there (any more) or are not the same."""
        ...


class PictureSource(Protocol):
    """Fetches the pictures of a chat from the hosts of the configuration."""

    async def fetch(self, address: str, most_bytes: int) -> FetchedPicture:
        """Return the picture at ``address``.

        Raises RequestRefused, RateLimited, ExchangeUnavailable, ConnectFailed, ConnectionLost, TimedOut.
        """
        ...


class PictureArchive(Protocol):
    """Keeps the pictures that an account's counterparties sent, for disputes."""

    async def has(self, order_no: str, name: str) -> bool:
        """Whether a picture of this name (without its ending) is there. Raises StateUnwritable."""
        ...

    async def keep(self, order_no: str, name: str, data: bytes) -> None:
        """Keep a picture; the oldest make room. Raises StateUnwritable."""
        ...

    async def prune(self, now_ms: int) -> int:
        """Forget what is older than its retention; return how many pictures that were. Raises StateUnwritable."""
        ...


class Customers(Protocol):
    """Who the merchant says that somebody is. Never raises."""

    def open_id(self, order_no: str, nickname: str) -> str:
        """Return the open id of an order's counterparty, '' when it is not known."""
        ...


class Store(Protocol):
    """The daemon's memory. Every method is one transaction. Raises StateError when the disk or the database fails."""

    async def claim(self, claim: Claim) -> ClaimResult:
        """Write a decision whole.

        The inbox entry, its replies (``seq`` given here, in order), firings and memory; or DUPLICATE and nothing.
        """
        ...

    async def is_decided(self, entry: InboxEntry) -> bool:
        """Whether a claim of ``entry`` would be a DUPLICATE (its identity only is read)."""
        ...

    async def talk(self, account: str, order_no: str, counterparty_key: str, now_ms: int) -> Talk:
        """Return what a decision must know of the order's talk.

        An empty ``counterparty_key`` counts as a person of its own per order.
        """
        ...

    async def recall(self, account: str, order_no: str) -> OrderMemory | None:
        """Return what is remembered of an order, or None."""
        ...

    async def remember(self, memory: OrderMemory) -> None:
        """Insert or replace an order's memory."""
        ...

    async def open_orders(self, account: str) -> tuple[OrderMemory, ...]:
        """Return the remembered orders whose status is open, newest first, at most 5000."""
        ...

    async def pending(self, account: str) -> tuple[OutboxRow, ...]:
        """Return the replies in a state that is not final, by ``seq``."""
        ...

    async def advance(self, row: OutboxRow, expected: OutboxState) -> bool:
        """Write ``row`` if its stored state is still ``expected``, else return False.

        Written: state, attempts, passing_refusals, times, reason, message_id, and of a picture where it lies.
        """
        ...

    async def uploaded(self, account: str, sha256: str, *, order_no: str = "", since_ms: int = 0) -> Uploaded | None:
        """Return the newest place of a picture that was uploaded after ``since_ms``; '' as ``order_no`` is any order.

        A place that the chat refused is none.
        """
        ...

    async def presigning(self, account: str, now_ms: int) -> None:
        """Note a call for a place to upload to, before it is made; those of more than ten minutes ago are forgotten."""
        ...

    async def presigned(self, account: str, since_ms: int) -> tuple[int, ...]:
        """Return when such calls were made since ``since_ms``, oldest first, at most 1000."""
        ...

    async def find_own(self, account: str, order_no: str, uuid: str) -> OutboxRow | None:
        """Return the reply that we (ever) made with this uuid in this order."""
        ...

    async def set_paused(self, account: str, order_no: str, *, paused: bool) -> None:
        """Pause or resume one order; ``"*"`` as ``order_no`` is all of an account, both ``"*"`` everything."""
        ...

    async def unmute(self, account: str, order_no: str) -> tuple[str, ...]:
        """Lift an order's mute (takeover, handover, breaker); ``"*"`` as account is any.

        Returns the accounts that had one.
        """
        ...

    async def paused(self) -> tuple[tuple[str, str], ...]:
        """Return the (account, order_no) pairs that are paused; ``"*"`` stands for all."""
        ...

    async def inbox(self, order_no: str, *, limit: int = 1000) -> tuple[InboxEntry, ...]:
        """Return the decided messages and events of an order of any account, oldest first."""
        ...

    async def outbox(self, order_no: str, *, limit: int = 1000) -> tuple[OutboxRow, ...]:
        """Return the replies of an order of any account, by ``seq``."""
        ...

    async def tally(self) -> dict[tuple[str, str, str], int]:
        """Return counts: ("inbox", account, reason) and ("outbox", account, state)."""
        ...

    async def rehearsed(self, since_ms: int, until_ms: int) -> tuple[Rehearsed, ...]:
        """Return what was decided in shadow in [since_ms, until_ms), by account, rule and order, at most 10000 rows.

        Messages that no rule took in that time are rows without a rule.
        """
        ...

    async def prune(
        self,
        now_ms: int,
        *,
        messages_ms: int = 90 * DAY_MS,
        traces_ms: int = 30 * DAY_MS,
        firings_ms: int = 365 * DAY_MS,
    ) -> int:
        """Forget what is older than its retention, in short transactions; return how many rows that were.

        ``messages_ms``: entries, replies, orders, an order's firings; ``traces_ms``: traces; ``firings_ms``: firings
        per counterparty and account. Open orders that were heard of within ``messages_ms`` lose old traces only.
        """
        ...

    async def close(self) -> None:
        """Finish what is queued and close. Idempotent."""
        ...


class Lease(Protocol):
    """The right to act for an account; lost, nothing may be claimed or sent."""

    def held(self, account: str) -> bool:
        """Whether this process may act for the account now."""
        ...


class Notifier(Protocol):
    """Tells the operator. Never raises; a word that cannot be delivered is counted and logged."""

    async def notify(self, notice: Notice) -> None:
        """Hand over a notice; returns at once."""
        ...


class Events(Protocol):
    """The daemon's log: one event with named values. Values are ids, counts, reasons; never texts, names or secrets."""

    def info(self, event: str, **values: object) -> None:
        """Say what happened."""
        ...

    def warning(self, event: str, **values: object) -> None:
        """Say what a person should know."""
        ...

    def error(self, event: str, **values: object) -> None:
        """Say what a person must mend."""
        ...


__all__ = [
    "AccountSink",
    "Brake",
    "Clock",
    "Connection",
    "Customers",
    "Events",
    "Lease",
    "Notifier",
    "Reason",
    "Rest",
    "Rng",
    "Store",
    "Wire",
    "WsApi",
]
