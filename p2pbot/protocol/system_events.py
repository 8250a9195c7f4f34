"""Read system cards: the JSON text inside a system frame's ``content``.

Promise: what the list knows becomes its kind, everything else UNKNOWN with the bounded raw word; nobody's name is kept.
Danger: the prefix says who WE are, not who acted: ``seller_payed`` is told to the seller, when the buyer has marked
the order paid.
Source: the C2C chat protocol notes, section 3 ("System frames"); the list is open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from p2pbot.model import Side, SystemEvent, SystemEventKind
from p2pbot.protocol import fields

MAX_RAW_TYPE_CHARS = 100  # the longest known word has 63 characters
_SUFFIXES = ("_with_ref", "_fiat_trade")

# Read from top to bottom; the first that matches whole decides. Appeals stand before "completed", which they contain.
_KINDS: tuple[tuple[re.Pattern[str], SystemEventKind], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r".+_appeal_completed|.+_system_cancel_appeal|(.+_)?cancel_appeal", SystemEventKind.APPEAL_CLOSED),
        (r"(.+_)?(submit|be)_appeal", SystemEventKind.APPEAL_OPENED),
        (r"(seller|buyer)_(merchant|user)_trading", SystemEventKind.ORDER_CREATED),
        (
            r"order_created_with_additional_kyc_(maker|taker)_(buy|sell)",
            SystemEventKind.VERIFICATION_REQUIRED,
        ),
        (
            r"(maker|taker)_verified_additional_kyc(_.+)?|liveness_check_complete(_.+)?",
            SystemEventKind.VERIFICATION_DONE,
        ),
        (r"(seller|buyer)_payed", SystemEventKind.ORDER_PAID),
        (r"order_about_timeout", SystemEventKind.PAYMENT_EXPIRING),
        (r"(seller|buyer)_completed|(.+_)?quick_completed|seller_force_released", SystemEventKind.ORDER_COMPLETED),
        (r"(seller|buyer)_cancelled|cancelled_by_system", SystemEventKind.ORDER_CANCELLED),
        (r"nlp_.*|risk_alert", SystemEventKind.MONITOR_WARNING),
    )
)
_LAST_WORD = {"buy": Side.BUY, "sell": Side.SELL}


def read_system_event(content: object) -> SystemEvent:
    """Return the event of a system frame's ``content``: JSON text, or already an object."""
    card = fields.json_object(content) if isinstance(content, str) else fields.mapping(content)
    return _event(card) if card is not None else SystemEvent(kind=SystemEventKind.UNKNOWN, raw_type="")


def _event(card: Mapping[str, object]) -> SystemEvent:
    raw_type = fields.text(card.get("type"), MAX_RAW_TYPE_CHARS) or ""
    word = normalised(raw_type)
    kind = next((kind for pattern, kind in _KINDS if pattern.fullmatch(word)), SystemEventKind.UNKNOWN)
    return SystemEvent(
        kind=kind,
        raw_type=raw_type,
        our_side=None if kind is SystemEventKind.UNKNOWN else _our_side(word),
        order_no=fields.first_identity(card, "orderNo", "orderNumber", "topicId"),
    )


def normalised(raw_type: str) -> str:
    """Return an event's word without its suffixes, however often and in whatever order they hang on it."""
    word = raw_type.strip().lower()
    while word.endswith(_SUFFIXES):
        word = next(word.removesuffix(suffix) for suffix in _SUFFIXES if word.endswith(suffix))
    return word


def _our_side(word: str) -> Side | None:
    """Return who we are by the event's prefix, or by the last word of the extra verification's events."""
    if word.startswith("seller_"):
        return Side.SELL
    if word.startswith("buyer_"):
        return Side.BUY
    if word.startswith("order_created_with_additional_kyc_"):
        return _LAST_WORD.get(word.rpartition("_")[2])
    return None
