"""Everything that a rule may ask: one frozen value, built by whoever holds the conversation.

Promise: None means "not known", never "no". ``last_operator_ms`` is the exception: None means that no person of ours
has written in this order.
Danger: it holds names and bank data; its ``repr`` hides them as the order's does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from p2pbot.model import Order
from p2pbot.rules.figures import NO_FIGURES, Figures

# What the exchange tells of the counterparty's former trades: by a call of its own, made only if a rule asks.
STATISTICS = frozenset(f"counterparty.{name}" for name in ("orders", "completion", "registered", "trades_with_us"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a rule is asked.

    ``message_no`` counts the counterparty's messages in this order from 1; ``language`` is a code such as ``ru`` once
    the conversation has settled on one; ``timezone`` is the merchant's IANA zone, for dates in texts and for
    ``once_per: day``. ``spoken``: under what the rules that spoke in this order are counted; ``tags``: what rules
    have set on it. ``default_language``: for a text that is not there in the counterparty's; empty when the merchant
    has not said it. ``figures``: what is known of the merchant's own account. ``about``: of an event of that account,
    what it is about; ``whole``: whether the event is asked about for the account alone or for one order; None for
    both, when people try rules. ``picture``: what the bytes of the message's picture say, by the names of
    ``when.picture``; a name that is missing is not known.
    """

    order: Order
    now_ms: int
    account: str = ""
    message_no: int | None = None
    first_message: bool | None = None
    last_operator_ms: int | None = None
    language: str | None = None
    timezone: str = "UTC"
    spoken: frozenset[str] = frozenset()
    tags: tuple[tuple[str, str], ...] = ()
    default_language: str = ""
    figures: Figures = NO_FIGURES
    about: str = ""
    whole: bool | None = None
    picture: Mapping[str, str | bool | int] = field(default_factory=dict)
