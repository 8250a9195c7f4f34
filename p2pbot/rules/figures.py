"""Figures of the merchant's own account in rules: what they are called, what may be asked of them, how one is found.

Promise: a figure that nobody has told is unknown, so a rule that asks for it is silent, and its trace says since when.
``position.*`` is what each position is that has no name of its own, and so with ``*``, ``balance.*``, ``free.*`` and
``locked.*``: the exchange lists what is open or there.
Source: the futures and user-data notes, section 4; the states of an order are those of the exchange, in small letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from p2pbot.document import complaint, did_you_mean
from p2pbot.rules.fields import Many, worded
from p2pbot.rules.measures import Bound, parse_bound

Figure = Decimal | str | bool
Asked = Bound | str | bool
GROUPS = ("balance", "futures", "spot")
ORDER_STATES = ("new", "partially_filled", "filled", "canceled", "expired", "expired_in_match", "rejected")
_NAME = re.compile(r"\w[\w.:/*-]{0,79}")
_YES_OR_NO = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_WORDS = {"cancelled": "canceled", "open": "new"} | {state: state for state in ORDER_STATES}
_PARTS = {"futures": ("position", "balance", "order"), "spot": ("free", "locked")}
_MARGIN_CALL = "margin_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of an account, by group and name; ``notes``: of a group, how old it is or why it is not known.

    ``balance``: by asset. ``futures``: ``position.BTCUSDT``, ``balance.USDT``, ``order.<client's id>`` (its state, the
    order that was heard of last stands last) and ``margin_call``. ``spot``: ``free.USDT`` and ``locked.USDT``.
    """

    balance: Mapping[str, Figure] = field(default_factory=dict)
    futures: Mapping[str, Figure] = field(default_factory=dict)
    spot: Mapping[str, Figure] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


NO_FIGURES = Figures()


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise complaint(
            f"`{text[:64]}` is not the name of a figure", hint="write USDT, position.BTCUSDT, order.hedge-*"
        )
    return text


def _figure(text: str) -> Asked:
    """Return what is asked of a figure: a comparison, a state of an order, yes or no. Raises ValueError."""
    word = text.strip().lower()
    if word in _YES_OR_NO:
        return _YES_OR_NO[word]
    if word in _WORDS:
        return _WORDS[word]
    if near := did_you_mean(word, _WORDS) if word[:1].isalpha() else "":
        raise ValueError(f"`{text[:40]}` is not understood; {near}")
    return parse_bound(text, "signed")


FigureName = Annotated[str, AfterValidator(_name)]
Asking = Many[Annotated[Asked, BeforeValidator(worded(_figure), json_schema_input_type=str)]]
AskedFigures = Annotated[dict[FigureName, Asking], Field(min_length=1, max_length=50)]


def _given(text: str) -> Figure:
    asked = _figure(text)
    if isinstance(asked, Bound):
        if asked.sign != "=" or not re.fullmatch(r"[-−]?\d+(\.\d+)?", asked.text):
            raise ValueError(f"`{text[:40]}` is not a number")
        return asked.low
    return asked


GivenFigures = dict[
    FigureName, Annotated[Decimal | str | bool, BeforeValidator(worded(_given), json_schema_input_type=str)]
]


def figure_faults(group: str, asked: Mapping[str, tuple[Asked, ...]]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with the conditions on a group of figures: the figure's name, what, and what to do."""
    for name, tests in asked.items():
        wanted = _wanted(group, name)
        if wanted is None:
            yield name, f"`{name[:40]}` is no figure of `{group}`", _known(group, name)
        elif not all(isinstance(test, wanted) for test in tests):
            yield name, f"`{name[:40]}` cannot be compared with that", _example(wanted)


def _wanted(group: str, name: str) -> type[Bound | str | bool] | None:
    """Return what a figure of this name is compared with, or None when there is no such figure."""
    part, _, rest = name.partition(".")
    if group == "balance":
        return None if "*" in name else Bound
    if group == "futures" and name == _MARGIN_CALL:
        return bool
    if part not in _PARTS[group] or not rest or ("*" in rest and part != "order"):
        return None
    return str if part == "order" else Bound


def _known(group: str, name: str) -> str:
    if group == "balance":
        return 'write the name of an asset: {USDT: "<100"}'
    near = did_you_mean(name.partition(".")[0], (*_PARTS[group], _MARGIN_CALL))
    examples = {
        "futures": "known here: position.BTCUSDT, balance.USDT, order.hedge-*, margin_call",
        "spot": "known here: free.USDT, locked.USDT",
    }
    return near or examples[group]


def _example(wanted: type) -> str:
    if wanted is bool:
        return "write yes or no"
    return f"write one of {', '.join(ORDER_STATES)}" if wanted is str else 'write "<100", ">=5", "!=0" or 10-20'


def found(figures: Mapping[str, Figure], name: str) -> Figure | None:
    """Return the figure of this name or pattern, of several the last; None when it is not known."""
    if name.startswith("order."):
        fitting = (value for given, value in reversed(tuple(figures.items())) if fits(given, name))
        return next(fitting, None)
    value = figures.get(name)
    if value is None:
        value = next((value for given, value in figures.items() if given.casefold() == name.casefold()), None)
    return figures.get(rest_of(name)) if value is None else value


def rest_of(name: str) -> str:
    """Return under which name stands what each figure of this kind is that has none of its own."""
    kind, dot, _ = name.partition(".")
    return f"{kind}.*" if dot else "*"


def accepts(asked: Asked, value: Figure) -> bool:
    """Whether a figure is what is asked for."""
    if isinstance(asked, Bound):
        return isinstance(value, Decimal) and asked.holds(value)
    return type(asked) is type(value) and asked == value


def shown(value: Asked | Figure) -> str:
    """Return a figure, or what is asked of it, as it is written."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def fits(text: str, pattern: str) -> bool:
    """Whether ``text`` is ``pattern``, in which ``*`` stands for anything; linear in both, whoever wrote them."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
