"""An order's life: which turn leads where, and what the exchange calls it.

Promise: a pair that the table does not have raises ``IllegalTransition``; nothing changes then.
Source: C2C chat notes sections 1 (statuses) and 3 (system events).
"""

from __future__ import annotations

from enum import StrEnum

from p2pbot.errors import IllegalTransition
from p2pbot.model import Side
from p2pbot.sandbox.options import Dialect


class Life(StrEnum):
    """Where an order stands."""

    VERIFYING = "verifying"
    TRADING = "trading"
    PAID = "paid"
    APPEAL = "appeal"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    CANCELLED_BY_SYSTEM = "cancelled_by_system"


class Turn(StrEnum):
    """What can happen to an order."""

    VERIFY = "verify"
    PAY = "pay"
    RELEASE = "release"
    CANCEL = "cancel"
    CANCEL_BY_SYSTEM = "cancel_by_system"
    RESTORE = "restore"  # a cancellation by the system that flips back (P)
    APPEAL = "appeal"
    CLOSE_APPEAL = "close_appeal"


_TABLE: dict[Life, dict[Turn, Life]] = {
    Life.VERIFYING: {
        Turn.VERIFY: Life.TRADING,
        Turn.CANCEL: Life.CANCELLED,
        Turn.CANCEL_BY_SYSTEM: Life.CANCELLED_BY_SYSTEM,
    },
    Life.TRADING: {
        Turn.PAY: Life.PAID,
        Turn.CANCEL: Life.CANCELLED,
        Turn.CANCEL_BY_SYSTEM: Life.CANCELLED_BY_SYSTEM,
    },
    Life.PAID: {Turn.RELEASE: Life.COMPLETED, Turn.CANCEL: Life.CANCELLED, Turn.APPEAL: Life.APPEAL},
    Life.APPEAL: {Turn.RELEASE: Life.COMPLETED, Turn.CANCEL: Life.CANCELLED, Turn.CLOSE_APPEAL: Life.PAID},
    Life.COMPLETED: {},
    Life.CANCELLED: {},
    Life.CANCELLED_BY_SYSTEM: {Turn.RESTORE: Life.TRADING},
}

_NUMBERS = {
    Life.VERIFYING: 1,
    Life.TRADING: 1,
    Life.PAID: 2,
    Life.APPEAL: 3,
    Life.COMPLETED: 4,
    Life.CANCELLED: 6,
    Life.CANCELLED_BY_SYSTEM: 7,
}

# The public order history's words; the documents name CANCELLED_BY_SYSTEM, the others are those of the same interface.
_WORDS = {
    Life.VERIFYING: "PENDING",
    Life.TRADING: "TRADING",
    Life.PAID: "BUYER_PAYED",
    Life.APPEAL: "IN_APPEAL",
    Life.COMPLETED: "COMPLETED",
    Life.CANCELLED: "CANCELLED",
    Life.CANCELLED_BY_SYSTEM: "CANCELLED_BY_SYSTEM",
}


def after(life: Life, turn: Turn) -> Life:
    """Return where ``turn`` leads. Raises IllegalTransition."""
    try:
        return _TABLE[life][turn]
    except KeyError:
        raise IllegalTransition("simulated order", life, turn) from None


def status_number(life: Life, dialect: Dialect) -> int:
    """Return ``orderStatus``; an appeal is 3 in one official table and 5 in another."""
    return dialect.appeal_number if life is Life.APPEAL else _NUMBERS[life]


def status_word(life: Life) -> str:
    """Return ``orderStatus`` of the public order history, where it is a text."""
    return _WORDS[life]


def opening_event(side: Side, dialect: Dialect, *, kyc: bool) -> str:
    """Return the system event of a new order; its prefix is who we are."""
    if kyc:
        return f"order_created_with_additional_kyc_maker_{side.value}"
    prefix = "seller" if side is Side.SELL else "buyer"
    return f"{prefix}_{dialect.trader_role}_trading{dialect.event_suffix}"


def turn_event(side: Side, turn: Turn, dialect: Dialect, *, by_us: bool = False, life: Life = Life.TRADING) -> str:
    """Return the system event of a turn, or '' when the exchange says nothing.

    ``by_us``: we opened the appeal. ``life``: where the order stood before.
    """
    prefix = "seller" if side is Side.SELL else "buyer"
    released = f"{prefix}_appeal_completed" if life is Life.APPEAL else f"{prefix}_completed"
    bare = {
        Turn.VERIFY: f"maker_verified_additional_kyc_{side.value}",
        Turn.PAY: f"{prefix}_payed",
        Turn.RELEASE: released,
        Turn.CANCEL: f"{prefix}_cancelled",
        Turn.CANCEL_BY_SYSTEM: "cancelled_by_system",
        Turn.RESTORE: "",
        Turn.APPEAL: "submit_appeal" if by_us else "be_appeal",
        Turn.CLOSE_APPEAL: f"{prefix}_cancel_appeal_completed",
    }[turn]
    return f"{bare}{dialect.event_suffix}" if bare else ""
