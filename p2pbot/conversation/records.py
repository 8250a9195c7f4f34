"""What the store keeps, as frozen values: decided messages, replies and their states, what is remembered of an order.

Promise: a ``Claim`` is everything that one decision changes, so that one transaction can write it or nothing of it.
Danger: ``text`` fields hold people's talk and rendered bank data; their ``repr`` hides them, and traces never contain
rendered text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from p2pbot.model import EventKind, FiringCount, FiringMark, MessageKind, OrderStatus, Path, Picture, Reason, Side

BY_HAND = "hand:"  # begins the key of what a person has p2pbot send; messages begin with m: u: t:, events with e:
HAND_RULE = "p2pbot send"  # stands where a reply has its rule; no rule's id has a blank


class OutboxState(StrEnum):
    """A reply's life; which event leads where is the table in ``conversation.outbox``."""

    CLAIMED = "claimed"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    REJECTED = "rejected"
    DROPPED = "dropped"
    SHADOW = "shadow"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the reply."""
        return self in (OutboxState.SENT, OutboxState.REJECTED, OutboxState.DROPPED, OutboxState.SHADOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One inbound message or order event, decided.

    ``trace`` is JSON text without rendered replies; ``ruleset`` the rules' content hash.
    Identity within (account, order_no): ``message_id`` if both sides have one, else ``uuid``, else ``key`` (events:
    ``e:order_paid``).
    """

    account: str
    order_no: str
    key: str
    kind: MessageKind | EventKind
    path: Path
    reason: Reason
    message_id: str = ""
    uuid: str = ""
    text: str = field(default="", repr=False)
    from_us: bool | None = None
    created_at_ms: int = 0
    decided_at_ms: int = 0
    ruleset: str = ""
    trace: str = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One reply bubble.

    ``uuid`` is its identity on the wire, the same at every attempt. ``seq`` (given by the store) orders an order's
    rows. ``picture``: the bubble is one, and ``text`` only says so to people; it is written once ``image_url`` is
    known, where the exchange has shown it since ``uploaded_at_ms``.
    """

    uuid: str
    account: str
    order_no: str
    rule_id: str
    stimulus_key: str
    text: str = field(repr=False)
    state: OutboxState = OutboxState.CLAIMED
    seq: int = 0
    attempts: int = 0
    passing_refusals: int = 0
    created_at_ms: int = 0
    not_before_ms: int = 0
    expires_at_ms: int = 0
    sending_at_ms: int = 0
    settled_at_ms: int = 0
    order_status: OrderStatus = OrderStatus.UNKNOWN
    reason: Reason | None = None
    message_id: str = ""
    picture: Picture | None = None
    image_url: str = field(default="", repr=False)
    uploaded_at_ms: int = 0

    @property
    def needs_upload(self) -> bool:
        """Whether it is a picture that the exchange does not have yet."""
        return self.picture is not None and not self.image_url

    @property
    def is_by_hand(self) -> bool:
        """Whether a person had it sent (``p2pbot send``): it does not ask whether a person has taken over."""
        return self.stimulus_key.startswith(BY_HAND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """Where the exchange shows a picture of ours, since ``at_ms``."""

    image_url: str = field(repr=False)
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """The bot is silent in an order. ``until_ms`` None means until the order ends or the operator lifts it."""

    reason: Reason
    since_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMemory:
    """What must survive a restart about an order; facts that the exchange tells again are not kept.

    ``caught_up_ms``: the chat history is completely decided up to this time. ``seen_at_ms``: when ``status`` was last
    heard. ``language``: the counterparty's, empty while unknown; ``tags``: what rules have set on the order.
    ``mute_read``: the mute that the store had when this was read. A write leaves the stored mute alone unless ``mute``
    differs from it: `p2pbot resume`, another process, may have lifted it meanwhile.
    """

    account: str
    order_no: str
    status: OrderStatus = OrderStatus.UNKNOWN
    side: Side | None = None
    created_at_ms: int | None = None
    seen_at_ms: int = 0
    caught_up_ms: int = 0
    last_operator_ms: int = 0
    counterparty_key: str = ""
    mute: Mute | None = None
    language: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    mute_read: Mute | None = field(default=None, compare=False, repr=False)


class ActionWord(StrEnum):
    """What a person had p2pbot do, besides the rules."""

    PAUSE = "pause"
    RESUME = "resume"
    MUTE = "mute"
    UNMUTE = "unmute"
    SEND = "send"
    RETRY = "retry"
    DROP = "drop"
    RELOAD = "reload"
    FORGET = "forget"
    RESTORE = "restore"
    MOVED_IN = "moved_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One of them, at ``at_ms`` of this machine's clock.

    ``"*"`` as account or order is all of them. ``detail``: ids and counts, never a text of a chat.
    """

    at_ms: int
    word: ActionWord
    account: str = "*"
    order_no: str = "*"
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Everything that one decision changes, written in one transaction or not at all."""

    entry: InboxEntry
    replies: tuple[OutboxRow, ...] = ()
    firings: tuple[FiringMark, ...] = ()
    memory: OrderMemory | None = None


class ClaimResult(StrEnum):
    """The store's answer to a claim."""

    CLAIMED = "claimed"
    DUPLICATE = "duplicate"
    NOT_LEADER = "not_leader"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidText:
    """A text of ours in an order, for quoting and echo checks.

    ``at_ms``: when it was claimed; ``written_at_ms``: when it was last written to the chat, 0 = never. ``image_url``:
    it is a picture, and ``text`` is not what the chat shows.
    """

    text: str = field(repr=False)
    at_ms: int
    written_at_ms: int = 0
    uuid: str = ""
    message_id: str = ""
    state: OutboxState = OutboxState.SENT
    picture: Picture | None = None
    image_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What the store knows of an order's talk when a decision is made.

    ``said``: our newest texts in this order, oldest first, at most 50. ``streak``: our replies claimed since the
    counterparty last wrote a text
    that differs from the one before it. ``replies_*``: replies claimed (all states but DROPPED) in the windows that
    the caps speak of.
    ``inbound``: counterparty messages decided so far. ``last_inbound``: the newest of their texts.
    """

    firings: tuple[FiringCount, ...] = ()
    said: tuple[SaidText, ...] = ()
    streak: int = 0
    replies_order_1h: int = 0
    replies_counterparty_24h: int = 0
    replies_account_1m: int = 0
    inbound: int = 0
    last_inbound: str = field(default="", repr=False)
    paused: bool = False
