"""Keys of a rule that do not go together: a rule that would do nothing, or speak where nobody may.

Promise: each is said at the key that is to blame, with the way out.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2pbot.model import EventKind
from p2pbot.rules.account_events import account_faults
from p2pbot.rules.spec import SPEECHLESS, TIMED, RuleSpec

Contradiction = tuple[tuple[str, ...], str, str]
_ACTIONS = ("reply", "notify", "handover", "unmute", "set", "stop")
_UNMUTING = frozenset({EventKind.OPERATOR_MESSAGE, EventKind.APPEAL_CLOSED})


def contradictions(spec: RuleSpec) -> Iterator[Contradiction]:
    """Yield what contradicts itself: the key's path in the rule, what is wrong, what to do."""
    if not any(getattr(spec, action) for action in _ACTIONS):
        yield (), "the rule does nothing", "give it a reply, notify or handover; or `stop: yes` to stay silent"
    if spec.stop and spec.continue_:
        yield ("stop",), "`stop` and `continue` cannot go together", ""
    yield from _timers(spec)
    yield from _speechless(spec)
    yield from _mutes(spec)
    yield from account_faults(spec)
    if spec.when.picture and EventKind.IMAGE not in spec.on:
        yield ("when", "picture"), "`picture` is for `on: image`: nothing else brings one", ""
    if spec.debounce and set(spec.on) != {EventKind.MESSAGE}:
        yield ("debounce",), "`debounce` is for `on: message` alone", ""


def spans(spec: RuleSpec) -> tuple[tuple[EventKind, int], ...]:
    """Return the timed events of a rule with their spans in ms; an event that the exchange tells of has none."""
    written = {EventKind.PAYMENT_EXPIRING: spec.before, EventKind.SILENCE: spec.for_}
    return tuple((event, span) for event in spec.on if (span := written.get(event)))


def _timers(spec: RuleSpec) -> Iterator[Contradiction]:
    for event, key in TIMED.items():
        span = spec.before if event is EventKind.PAYMENT_EXPIRING else spec.for_
        if span is not None and event not in spec.on:
            yield (key,), f"`{key}` is for `on: {event.value}`", ""
        if span == 0:
            yield (key,), f"`{key}` must be longer than nothing", "write a time such as 5m"
    if EventKind.SILENCE in spec.on and spec.for_ is None:
        yield ("on",), "how long must it be silent?", "write `for: 5m`"


def _speechless(spec: RuleSpec) -> Iterator[Contradiction]:
    silent = [event for event in spec.on if event in SPEECHLESS]
    if not silent:
        return
    if spec.reply is not None:
        why = "a person speaks" if silent[0] is EventKind.OPERATOR_MESSAGE else "an appeal is between you and support"
        yield ("reply",), f"p2pbot never replies in `on: {silent[0].value}`: {why}", "use `notify`"
    if len(silent) != len(spec.on):
        yield ("on",), f"`{silent[0].value}` cannot share a rule with events that are answered", "write two rules"


def _mutes(spec: RuleSpec) -> Iterator[Contradiction]:
    if spec.unmute and not set(spec.on) <= _UNMUTING:
        hint = "a muted order asks only rules that are `on: operator_message` or `on: appeal_closed`"
        yield ("unmute",), "`unmute` can never be reached here", hint
    if spec.unmute and spec.handover is not None:
        yield ("unmute",), "`unmute` and `handover` cannot go together", ""
