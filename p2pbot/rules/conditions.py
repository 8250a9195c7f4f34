"""``when:`` as checks with three answers: a fact that is not known makes a condition unknown, and unknown never fires.

Promise: a check names itself, what it wanted and what it found, for traces; nicknames and open ids are compared
and never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from p2pbot.model import OrderStatus
from p2pbot.rules.checks import Answer, Check, Path, Places, Truth
from p2pbot.rules.facts import Facts
from p2pbot.rules.figures import GROUPS
from p2pbot.rules.measures import Bound
from p2pbot.rules.moments import moment_checks
from p2pbot.rules.shared import Shared
from p2pbot.rules.spec import CounterpartySpec, PictureSpec, WhenSpec

DEFAULT_IDLE_MS = 600_000
Test = Bound | str | bool
# What a fact may be: each possibility as its spellings. No possibility at all means: not known.
Possible = tuple[tuple[object, ...], ...]
_OF_MOMENTS = frozenset({"operator_idle", "hours", "weekday", "zone", "after_rule", "tag", *GROUPS})


def compile_when(
    when: WhenSpec, where: Places, shared: Shared | None = None, *, default_idle_ms: int = DEFAULT_IDLE_MS
) -> tuple[Check, ...]:
    """Return the checks of ``when:``; ``where`` gives the place of a path below it. Raises UnknownName."""
    known = shared or Shared()
    checks = tuple(_check(path, _listed(tests, known), where(path)) for path, tests in _given(when))
    moments = tuple(moment_checks(when, where, known))
    idle_ms = default_idle_ms if when.operator_idle is None else when.operator_idle
    idle = (_idle_check(idle_ms, where(("operator_idle",))),) if idle_ms else ()
    return (*checks, *moments, *idle)


def _listed(tests: tuple[Test, ...], shared: Shared) -> tuple[Test, ...]:
    """Return the tests with the items of the lists that they name."""
    return tuple(
        one for test in tests for one in ([i for _, i in shared.items([test])] if isinstance(test, str) else [test])
    )


def _given(
    spec: WhenSpec | CounterpartySpec | PictureSpec, above: Path = ()
) -> Iterator[tuple[Path, tuple[Test, ...]]]:
    """Yield the conditions that are written, with their tests, in the order of the specification."""
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, CounterpartySpec | PictureSpec):
            yield from _given(value, (*above, name))
        elif value is not None and name not in _OF_MOMENTS:
            yield (*above, name), value if isinstance(value, tuple) else (value,)


def _check(path: Path, tests: tuple[Test, ...], where: str) -> Check:
    name = ".".join(map(str, path))
    read = _READ[name]
    wanted = " or ".join(_spoken(test) for test in tests)

    def judge(facts: Facts) -> Answer:
        possible = read(facts)
        answers = {any(_accepts(test, spelling) for test in tests for spelling in one) for one in possible}
        truth = Truth.UNKNOWN if len(answers) != 1 else Truth.TRUE if answers.pop() else Truth.FALSE
        return Answer(truth, _found(name, possible))

    return Check(f"when.{name}", wanted, where, judge)


def _idle_check(idle_ms: int, where: str) -> Check:
    minutes = _minutes(idle_ms)

    def judge(facts: Facts) -> Answer:
        if facts.last_operator_ms is None:
            return Answer(Truth.TRUE, "nobody wrote")
        silent_ms = facts.now_ms - facts.last_operator_ms
        return Answer(Truth.TRUE if silent_ms >= idle_ms else Truth.FALSE, f"one wrote {_minutes(silent_ms)} ago")

    return Check("when.operator_idle", f"no person of ours wrote for {minutes}", where, judge)


def _minutes(span_ms: int) -> str:
    return f"{span_ms // 60_000}m" if span_ms >= 60_000 else f"{max(span_ms, 0) // 1000}s"  # noqa: PLR2004 - a minute


def _accepts(test: Test, value: object) -> bool:
    if isinstance(test, bool):
        return test is value
    if isinstance(test, Bound):
        return isinstance(value, int | Decimal) and test.holds(Decimal(value))
    return str(test).casefold() == str(value).casefold()


def _spoken(test: Test) -> str:
    return ("yes" if test else "no") if isinstance(test, bool) else str(test)


def _found(name: str, possible: Possible) -> str:
    if not possible:
        return "not known"
    if name in _HIDDEN:
        return "another"
    shown = [one[0] for one in possible]
    return ", ".join(_spoken(value) if isinstance(value, bool) else str(value) for value in shown[:5])


def _one(value: object) -> Possible:
    return () if value is None or value == "" else ((value,),)


def _status(facts: Facts) -> Possible:
    return () if facts.order.status is OrderStatus.UNKNOWN else ((facts.order.status,),)


def _payment_methods(facts: Facts) -> Possible:
    """Return the method that was selected, or each that may be."""
    methods = facts.order.payment_methods or ()
    selected = [one for one in methods if one.method_id and one.method_id == facts.order.selected_payment_id]
    return tuple((one.identifier, one.name) for one in selected or methods)


def _open_id(known: str) -> Possible:
    """Return who it is; that it is anybody who is known is another spelling of the same."""
    return ((known, ANY_CUSTOMER),) if known else ()


ANY_CUSTOMER = "*"
_HIDDEN = frozenset({"counterparty.nickname", "counterparty.open_id"})
_READ: Mapping[str, Callable[[Facts], Possible]] = {
    "side": lambda facts: _one(facts.order.side),
    "order_status": _status,
    "asset": lambda facts: _one(facts.order.asset),
    "fiat": lambda facts: _one(facts.order.fiat),
    "amount": lambda facts: _one(facts.order.amount),
    "total": lambda facts: _one(facts.order.total),
    "price": lambda facts: _one(facts.order.price),
    "payment_method": _payment_methods,
    "ad": lambda facts: _one(facts.order.ad),
    "account": lambda facts: _one(facts.account or facts.order.account),
    "counterparty.orders": lambda facts: _one(facts.order.counterparty.orders),
    "counterparty.completion": lambda facts: _one(facts.order.counterparty.completion),
    "counterparty.registered": lambda facts: _one(facts.order.counterparty.registered_days),
    "counterparty.trades_with_us": lambda facts: _one(facts.order.counterparty.trades_with_us),
    "counterparty.nickname": lambda facts: _one(facts.order.counterparty.nickname),
    "counterparty.open_id": lambda facts: _open_id(facts.order.counterparty.open_id),
    "first_message": lambda facts: _one(facts.first_message),
    "message_no": lambda facts: _one(facts.message_no),
    "language": lambda facts: _one(facts.language),
    "picture.type": lambda facts: _one(facts.picture.get("type")),
    "picture.lied": lambda facts: _one(facts.picture.get("lied")),
    "picture.broken": lambda facts: _one(facts.picture.get("broken")),
    "picture.kib": lambda facts: _one(facts.picture.get("kib")),
    "picture.width": lambda facts: _one(facts.picture.get("width")),
    "picture.height": lambda facts: _one(facts.picture.get("height")),
}
