"""The vocabulary that all layers share: frozen values, no behaviour beyond reading them.

Promise: whatever the exchange sends becomes one of these or ``Unknown``; a fact that is not known is ``None``, never
a guess.
Danger: ``Counterparty.real_name`` and ``PaymentMethod.fields`` are people's names and bank data. Their ``repr`` hides
them; never log them.
Sources: the shapes follow the C2C chat protocol notes (orders, chat frames); money is ``Decimal``, times are Unix
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from p2pbot.notice import Notice as Notice  # noqa: PLC0414 - part of the vocabulary, in a file of its own
from p2pbot.notice import Topic as Topic  # noqa: PLC0414 - same
from p2pbot.secret import Secret


class Side(StrEnum):
    """The trade from OUR side: on SELL we sell crypto and the counterparty pays; on BUY we pay."""

    BUY = "buy"
    SELL = "sell"


class OrderStatus(StrEnum):
    """An order's life.

    Exchange numbers: 1 unpaid, 2 paid, 3 and 5 appeal, 4 completed, 6 and 7 cancelled; any other is UNKNOWN.
    """

    UNPAID = "unpaid"
    PAID = "paid"
    APPEAL = "appeal"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """Whether the order can still change (an unknown state counts as open: we keep looking)."""
        return self not in (OrderStatus.COMPLETED, OrderStatus.CANCELLED)


class MessageKind(StrEnum):
    """``type`` of a chat frame. UNKNOWN stands for every word that the list does not have."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    CARD = "card"
    AUTO_REPLY = "auto_reply"
    SYSTEM = "system"
    TRANSLATE = "translate"
    RECALL = "recall"
    MARK = "mark"
    ERROR = "error"
    STATISTICS = "statistics"
    RISK_ALERT = "risk_alert"
    UNKNOWN = "unknown"


class Path(StrEnum):
    """How we learnt of a message."""

    SOCKET = "socket"
    HISTORY = "history"


class SystemEventKind(StrEnum):
    """What a system card says happened, suffixes removed."""

    ORDER_CREATED = "order_created"
    VERIFICATION_REQUIRED = "verification_required"
    VERIFICATION_DONE = "verification_done"
    ORDER_PAID = "order_paid"
    PAYMENT_EXPIRING = "payment_expiring"
    ORDER_COMPLETED = "order_completed"
    ORDER_CANCELLED = "order_cancelled"
    APPEAL_OPENED = "appeal_opened"
    APPEAL_CLOSED = "appeal_closed"
    MONITOR_WARNING = "monitor_warning"
    UNKNOWN = "unknown"


class EventKind(StrEnum):
    """What a rule can be ``on:``."""

    MESSAGE = "message"
    IMAGE = "image"
    ORDER_CREATED = "order_created"
    ORDER_PAID = "order_paid"
    PAYMENT_EXPIRING = "payment_expiring"
    ORDER_COMPLETED = "order_completed"
    ORDER_CANCELLED = "order_cancelled"
    APPEAL_OPENED = "appeal_opened"
    APPEAL_CLOSED = "appeal_closed"
    SILENCE = "silence"
    OPERATOR_MESSAGE = "operator_message"
    FUTURES_ORDER_FILLED = "futures_order_filled"
    MARGIN_CALL = "margin_call"
    BALANCE_BELOW = "balance_below"


class Mode(StrEnum):
    """LIVE sends; SHADOW decides and records what it would have sent, and sends nothing."""

    LIVE = "live"
    SHADOW = "shadow"


class Reason(StrEnum):
    """Why a message, an event or a reply met its fate. The value goes unchanged to trace, metric and log."""

    # An inbound message that was answered
    ANSWERED = "answered"
    SHADOW = "shadow"
    # An inbound message that was not, and this is why
    NO_RULE = "no_rule"
    LIMITED = "limited"
    STOPPED = "stopped"
    DEBOUNCED = "debounced"
    OWN_ECHO = "own_echo"
    OPERATOR_MESSAGE = "operator_message"
    SENDER_UNKNOWN = "sender_unknown"
    AUTO_REPLY = "auto_reply"
    SYSTEM_MESSAGE = "system_message"
    NOT_A_MESSAGE = "not_a_message"
    QUOTES_US = "quotes_us"
    MACHINE_FAST = "machine_fast"
    TOO_OLD = "too_old"
    BACKLOG = "backlog"
    PAUSED = "paused"
    MUTED = "muted"
    TAKEN_OVER = "taken_over"
    IN_APPEAL = "in_appeal"
    ORDER_UNKNOWN = "order_unknown"
    BREAKER = "breaker"
    CAP_ORDER = "cap_order"
    CAP_COUNTERPARTY = "cap_counterparty"
    CAP_ACCOUNT = "cap_account"
    RENDER_FAILED = "render_failed"
    # How a reply ended
    ECHOED = "echoed"
    FOUND_IN_HISTORY = "found_in_history"
    NOT_IN_HISTORY = "not_in_history"
    REJECTED_BY_EXCHANGE = "rejected_by_exchange"
    REJECTED_PASSING = "rejected_passing"
    NO_ECHO = "no_echo"
    CONNECTION_LOST = "connection_lost"
    CRASHED = "crashed"
    LATE = "late"
    ORDER_CHANGED = "order_changed"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    UPLOAD_FAILED = "upload_failed"
    PICTURE_GONE = "picture_gone"
    DROPPED_BY_HAND = "dropped_by_hand"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that we do not understand, kept as it came (already bounded by whoever read it)."""

    raw: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """Where a chat picture lies.

    URLs are data of the talk, not presigned upload URLs; ``declared_type`` is unreliable.
    """

    image_url: str = field(repr=False)
    thumbnail_url: str = field(default="", repr=False)
    declared_type: str = ""
    width: int = 0
    height: int = 0


class PictureKind(StrEnum):
    """What the chat takes, by the bytes and not by the name. The value is the ending of the upload's name."""

    JPEG = "jpg"
    PNG = "png"

    @property
    def mime(self) -> str:
        """The content type."""
        return {"jpg": "image/jpeg", "png": "image/png"}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the merchant's, as a reply carries it: which bytes, and what the chat's frame says of them.

    ``name`` is the path as the rule writes it; ``sha256`` (hex) names the bytes that were checked and will be sent.
    """

    name: str
    sha256: str
    kind: PictureKind
    width: int
    height: int

    def __str__(self) -> str:
        return f"[picture {self.name}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemEvent:
    """A system card. ``our_side`` is what the card's prefix says of US (None when it says nothing)."""

    kind: SystemEventKind
    raw_type: str
    our_side: Side | None = None
    order_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message of an order's chat, by whatever path.

    ``from_us`` None means the frame did not say: never reply to it.
    """

    order_no: str
    kind: MessageKind
    path: Path
    message_id: str = ""
    uuid: str = ""
    text: str = field(default="", repr=False)
    from_us: bool | None = None
    nickname: str = field(default="", repr=False)
    created_at_ms: int = 0
    status: str = ""
    image: ImageRef | None = None
    system: SystemEvent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRefusal:
    """An error frame.

    The exchange rejected our frame ``uuid``. A non-empty ``sub_type`` is a judgement of the content.
    """

    uuid: str
    code: str
    sub_type: str = ""
    order_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """One way to pay an order. ``fields`` is bank data: (label, content type, value) in the exchange's order."""

    method_id: str
    identifier: str
    name: str
    fields: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparty:
    """The other side of an order, as far as known. ``completion`` is a share from 0 to 1.

    ``open_id``: who the merchant's own file says that it is, '' when it does not.
    """

    nickname: str = field(default="", repr=False)
    real_name: str = field(default="", repr=False)
    orders: int | None = None
    orders_30d: int | None = None
    completion: Decimal | None = None
    completion_30d: Decimal | None = None
    trades_with_us: int | None = None
    registered_days: int | None = None
    open_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One P2P order as we know it.

    None = not known. ``confirmed_at_ms`` is when ``status`` was last heard from the exchange.
    """

    number: str
    account: str
    status: OrderStatus = OrderStatus.UNKNOWN
    side: Side | None = None
    asset: str | None = None
    fiat: str | None = None
    fiat_symbol: str | None = None
    amount: Decimal | None = None
    total: Decimal | None = None
    price: Decimal | None = None
    ad: str | None = None
    payment_methods: tuple[PaymentMethod, ...] | None = None
    selected_payment_id: str | None = None
    created_at_ms: int | None = None
    paid_at_ms: int | None = None
    pay_deadline_ms: int | None = None
    release_deadline_ms: int | None = None
    unread: int | None = None
    needs_verification: bool | None = None
    counterparty: Counterparty = field(default_factory=Counterparty)
    confirmed_at_ms: int = 0
    detailed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimulus:
    """Something a rule may answer, raised once.

    ``key`` is its identity within the order (``m:<id>``, ``u:<uuid>``, ``e:order_paid``). ``span_ms``: of a timer, how
    long before the deadline or how long the silence; 0 for everything else. ``about``: of an event of the merchant's
    own account, what it is about: the order that was filled, the limit that a balance fell below.
    """

    kind: EventKind
    order_no: str
    key: str
    at_ms: int
    message: ChatMessage | None = None
    span_ms: int = 0
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCredential:
    """What one connect to the chat needs. All but the address's host is secret; the token serves one connect only."""

    wss_url: str
    listen_key: Secret
    listen_token: Secret


class LimitScope(StrEnum):
    """Within what a rule's frequency is counted."""

    ORDER = "order"
    COUNTERPARTY = "counterparty"
    ACCOUNT = "account"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringMark:
    """A rule (or its ``group``) spoke at ``at_ms`` within a scope.

    ``scope_id``: order number, counterparty key, account name, or the local date as ``2026-01-05/counterparty``.
    """

    group: str
    scope: LimitScope
    scope_id: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringCount:
    """How often and when last a group spoke within a scope. ``count`` is over the scope's whole life."""

    group: str
    scope: LimitScope
    scope_id: str
    count: int
    last_ms: int
