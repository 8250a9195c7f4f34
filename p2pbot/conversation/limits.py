"""The daemon's own caps beyond the rules, and the breaker against two machines that talk to each other.

Promise: whatever the rules say, no order, counterparty or account gets more replies than these numbers, and a talk in
which only we say new things is muted and shown to the operator. Shadow replies count like live ones, so that shadow
mode shows what live would do.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pbot.conversation.records import Talk
from p2pbot.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Replies allowed per window; ``breaker``: our replies in a row without a different inbound text between."""

    order_replies_per_hour: int = 20
    counterparty_replies_per_day: int = 60
    account_replies_per_minute: int = 60
    breaker: int = 5


def cap_reason(talk: Talk, caps: Caps, wanted: int, *, fresh: bool) -> Reason | None:
    """Return which cap forbids ``wanted`` more replies, or None. BREAKER comes first: it also mutes the order.

    ``fresh``: what would be answered is new (an event, a picture, a text that differs from the one before), so our
    streak starts again.
    """
    streak = 0 if fresh else talk.streak
    if streak and streak + wanted > caps.breaker:
        return Reason.BREAKER
    if talk.replies_order_1h + wanted > caps.order_replies_per_hour:
        return Reason.CAP_ORDER
    if talk.replies_counterparty_24h + wanted > caps.counterparty_replies_per_day:
        return Reason.CAP_COUNTERPARTY
    if talk.replies_account_1m + wanted > caps.account_replies_per_minute:
        return Reason.CAP_ACCOUNT
    return None
