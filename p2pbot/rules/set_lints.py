"""What only shows when all rules are looked at together, or when a rule is looked at as a whole.

Promise: warnings alone; each names the rule that is in the way or the condition that is to blame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Protocol

import regex
from pydantic import BaseModel

from p2pbot.document import Finding, Loaded, Position, Severity
from p2pbot.model import EventKind
from p2pbot.rules.choice import RuleSet
from p2pbot.rules.fields import ListRef
from p2pbot.rules.matching import Call
from p2pbot.rules.never import never
from p2pbot.rules.replies import ANY, DEFAULT
from p2pbot.rules.rule import Rule
from p2pbot.rules.shared import RuleFileRead
from p2pbot.rules.spec import AtMostSpec, EverySpec, FileSpec, RuleSpec, SharedSpec, SnippetSpec, WhenSpec

Path = tuple[str | int, ...]
_SHORTEST_PAUSE_MS = 10_000  # two answers within this are one talk's stutter
_MANY = 20  # answers of one rule in an order: as many as the daemon's own cap allows in an hour
_FEW = 3
_MOST_PATTERNS = 20  # rules of patterns alone that each text is put to: with thousands of both it would take minutes
_REPEATING = frozenset({EventKind.MESSAGE, EventKind.IMAGE, EventKind.SILENCE})
_MOST_COMPARED = 50  # rules without words on one event that a later one is compared with
_BRACES = regex.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_PROMISE = regex.compile(
    r"\b(?:we|i)(?:'ll| will| am going to| are going to) (?:now |soon )?release|\breleasing (?:now|your|the)"
    r"|\b(?:payment|money|funds) (?:is |was |has been |have been )?(?:received|confirmed|arrived)"
    r"|\b(?:we|i)(?: have|'ve)? (?:received|got) (?:your|the) (?:payment|money)"
    r"|\bliberar(?:é|emos|ei)\b|\bpago (?:fue |ha sido )?(?:recibido|confirmado)|\brecibimos (?:su|tu|el) pago"
    r"|\bpagamento (?:foi )?(?:recebido|confirmado)|\bpaiement (?:a été )?(?:reçu|confirmé)|\bnous libérerons"
    r"|отпустим|отпущу|(?:плат[её]ж|оплата|деньги) (?:получен|поступил|пришл|приш[её]л)\w*"
    r"|получил[иа]? (?:вашу |ваш )?(?:оплату|плат[её]ж|деньги)|(?:马上|即将|立即|会)放币|已收到|已放币"
    r"|سنحرر|تم استلام|serbest bırakacağ|ödeme(?:niz)? (?:alındı|ulaştı|onaylandı)|sẽ mở khóa|đã nhận được"
    r"|भुगतान (?:मिल|प्राप्त)",
    regex.IGNORECASE,
)


class Compiler(Protocol):
    """What a lint needs of the rule's compiler: the rule as it is written, and its places."""

    loaded: Loaded[FileSpec]
    spec: RuleSpec

    def at(self, *path: str | int) -> Position:
        """Return the place of a value."""
        ...

    def key(self, *path: str | int) -> Position:
        """Return the place of a key."""
        ...


Compiled = tuple[Compiler, Rule | None]


def set_lints(compiled: Sequence[Compiled], ruleset: RuleSet, files: Sequence[RuleFileRead]) -> Iterator[Finding]:
    """Yield what is wrong with a set in which no rule has an error."""
    for compiler, rule in compiled:
        if rule is not None:
            yield from _unlimited(compiler, rule)
            yield from _promises(compiler, rule)
            yield from _never(compiler)
            yield from _languages(compiler, rule)
            yield from _not_in_ours(compiler, rule, ruleset.default_language)
    yield from _Listeners(compiled, ruleset).findings()
    yield from _unreached(compiled, ruleset)
    yield from _unused(files)


def _warn(compiler: Compiler, place: Position, message: str, hint: str, code: str) -> Finding:
    return compiler.loaded.finding(place, message, hint, code, Severity.WARNING)


# P010, P031: who hears what


class _Listeners:
    """The rules that listen to messages, in the order in which they are asked, found by what they need."""

    def __init__(self, compiled: Sequence[Compiled], ruleset: RuleSet) -> None:
        self._ruleset = ruleset
        by_id = {rule.id: compiler for compiler, rule in compiled if rule is not None}
        self._rules = [
            (rule, by_id[rule.id]) for rule in ruleset.rules if EventKind.MESSAGE in rule.events and rule.id in by_id
        ]
        self._by_call: dict[Call, list[int]] = defaultdict(list)
        self._always: list[int] = []
        for number, (rule, _) in enumerate(self._rules):
            needed = rule.matcher.called_by()
            for call in needed or ():
                self._by_call[call].append(number)
            if needed is None:
                self._always.append(number)
        del self._always[_MOST_PATTERNS:]

    def findings(self) -> Iterator[Finding]:
        for number, (rule, compiler) in enumerate(self._rules):
            yield from self._shadowed(number, rule, compiler)
        for rule, compiler in ((rule, compiler) for rule, compiler in self._rules if rule.reply):
            yield from self._answers_machines(rule, compiler)

    def _who(self, text: str) -> Iterator[int]:
        """Yield the numbers of the rules that this text is meant for, in order."""
        heard = self._ruleset.hear(text)
        called = {number for call in heard.calls for number in self._by_call.get(call, ())}
        for number in sorted(called.union(self._always)):
            if self._rules[number][0].matcher.matches(heard):
                yield number

    def _shadowed(self, number: int, rule: Rule, compiler: Compiler) -> Iterator[Finding]:
        for path, text in _own_texts(compiler.spec):
            if not rule.matcher.matches(self._ruleset.hear(text)):
                continue
            for first in takewhile(number.__gt__, self._who(text)):  # lazily: thousands may hear the same word
                other, theirs = self._rules[first]
                if _ends_before(other, rule) and _implied(theirs.spec.when, compiler.spec.when):
                    message = f"the rule `{other.id}` answers this instead of `{rule.id}`"
                    hint = f"it stands at {other.where}; give `{rule.id}` a higher priority, or remove the text"
                    yield _warn(compiler, compiler.at(*path), message, hint, "P010")
                    break

    def _answers_machines(self, rule: Rule, compiler: Compiler) -> Iterator[Finding]:
        """Look for rules that answer when a machine on the other side repeats our text, again and again."""
        for text in rule.reply.texts() if rule.reply else ():
            called = (self._rules[number] for number in self._who(_BRACES.sub(" ", text.source)))
            triggered = next((other for other, theirs in called if _is_endless(theirs.spec)), None)
            if triggered is not None:
                message = f"the reply of `{rule.id}` holds the words that call `{triggered.id}`"
                hint = "a machine that repeats it would be answered again and again; limit it: {at_most: 3, per: order}"
                yield _warn(compiler, compiler.key("reply"), message, hint, "P031")
                return


def _ends_before(other: Rule, rule: Rule) -> bool:
    """Whether the search ends with ``other`` for ``rule`` too: a rule in shadow hides no live one."""
    return not other.goes_on and (rule.shadow or not other.shadow)


def _unreached(compiled: Sequence[Compiled], ruleset: RuleSet) -> Iterator[Finding]:
    """Look for rules without words that an earlier rule of the same event always answers instead."""
    by_id = {rule.id: compiler for compiler, rule in compiled if rule is not None}
    earlier: dict[tuple[EventKind, int], list[Rule]] = defaultdict(list)
    for rule in ruleset.rules:
        if rule.matcher.needs_text or rule.id not in by_id:
            continue
        for event in sorted(rule.events):
            others = earlier[event, dict(rule.spans).get(event, 0)]
            first = next((other for other in others if _hides(other, rule, by_id)), None)
            if first is not None:
                message = f"the rule `{first.id}` always answers `{event.value}` instead of `{rule.id}`"
                hint = f"it stands at {first.where}; give each its `when`, or the first `continue: yes`"
                yield _warn(by_id[rule.id], by_id[rule.id].at("id"), message, hint, "P010")
                break
        for event in rule.events:
            others = earlier[event, dict(rule.spans).get(event, 0)]
            others.extend([rule] if len(others) < _MOST_COMPARED else [])


def _hides(other: Rule, rule: Rule, by_id: Mapping[str, Compiler]) -> bool:
    alike = other.of_account is rule.of_account  # each kind is asked by itself
    return alike and _ends_before(other, rule) and _implied(by_id[other.id].spec.when, by_id[rule.id].spec.when)


def _is_endless(spec: RuleSpec) -> bool:
    """Whether a rule may answer more often in one order than a talk of two machines may last."""
    return all(
        isinstance(limit, EverySpec) or (isinstance(limit, AtMostSpec) and limit.at_most > _FEW) for limit in spec.limit
    )


def _own_texts(spec: RuleSpec) -> Iterator[tuple[Path, str]]:
    for at, text in enumerate(spec.examples or ()):
        yield ("examples", at), text
    for key in ("words", "exact", "starts"):
        for at, word in enumerate(getattr(spec, key) or ()):
            if not isinstance(word, ListRef):
                yield (key, at), str(word).replace("*", "")


def _implied(wide: WhenSpec, narrow: WhenSpec) -> bool:
    """Whether ``wide`` holds whenever ``narrow`` does, as far as that can be seen."""
    for name in type(wide).model_fields:
        theirs, ours = getattr(wide, name), getattr(narrow, name)
        if theirs is None or theirs == ours:
            continue
        if not (isinstance(theirs, tuple) and isinstance(ours, tuple)) or not set(ours) <= set(theirs):
            return False
    return True


# P030, P032, P041: one rule as a whole


def _unlimited(compiler: Compiler, rule: Rule) -> Iterator[Finding]:
    bounded = any(
        (isinstance(limit, EverySpec) and limit.every >= _SHORTEST_PAUSE_MS)
        or (isinstance(limit, AtMostSpec) and limit.at_most <= _MANY)
        or not isinstance(limit, EverySpec | AtMostSpec)
        for limit in compiler.spec.limit
    )
    if not bounded and rule.events & _REPEATING:
        message = f"the rule `{rule.id}` may answer every message of an order"
        hint = "write limit: [{every: 2m, per: order}, {at_most: 3, per: order}]"
        yield _warn(compiler, compiler.key("limit"), message, hint, "P030")


def _promises(compiler: Compiler, rule: Rule) -> Iterator[Finding]:
    if compiler.spec.when.statuses or rule.events <= {EventKind.ORDER_COMPLETED}:
        return
    for text in rule.reply.texts() if rule.reply else ():
        found = _PROMISE.search(text.source)
        if found:
            message = f"`{found[0][:40]}` promises a release or confirms a payment, in whatever state the order is"
            hint = "add `when: {order_status: …}`, or leave it to a person"
            yield _warn(compiler, compiler.key("reply"), message, hint, "P032")
            return


def _languages(compiler: Compiler, rule: Rule) -> Iterator[Finding]:
    """Look for parts of one reply that are there in different languages: somebody would read two at once."""
    for _, bubbles in rule.reply.bubbles if rule.reply else ():
        spoken = [frozenset(code for code, _ in bubble.wordings) - {ANY} for bubble in bubbles]
        sets = [codes for codes in spoken if codes]
        missing = sorted(frozenset().union(*sets) - frozenset.intersection(*sets)) if sets else []
        if missing:
            message = f"a part of the reply has no text in `{missing[0]}`, another part has"
            yield _warn(compiler, compiler.key("reply"), message, "say all parts in the same languages", "P024")
            return


def _not_in_ours(compiler: Compiler, rule: Rule, ours: str) -> Iterator[Finding]:
    """Look for a reply that has neither ``default`` nor the merchant's own language for everybody else."""
    for codes in _codes(rule) if ours else ():
        if codes and not codes & {ours, DEFAULT}:
            message = f"the reply has no text in `{ours}`, your `default_language`"
            yield _warn(compiler, compiler.key("reply"), message, f"add `{ours}:` or `default:`", "P024")
            return


def _codes(rule: Rule) -> Iterator[frozenset[str]]:
    """Yield the languages of a reply, and of each of its parts."""
    bubbles = rule.reply.bubbles if rule.reply else ()
    yield frozenset(code for code, _ in bubbles) - {ANY}
    yield from (frozenset(code for code, _ in bubble.wordings) - {ANY} for _, said in bubbles for bubble in said)


def _never(compiler: Compiler) -> Iterator[Finding]:
    for path, message, hint in never(compiler.spec):
        yield _warn(compiler, compiler.at("when", *path), message, hint, "P041")


# P040: what nobody uses


def _unused(files: Sequence[RuleFileRead]) -> Iterator[Finding]:
    used = {(kind, name) for file in files for _, spec in file.rules for kind, name in _uses(spec)}
    for file in files:
        shared = file.loaded.value
        for part, name in _given(shared) if shared else ():
            if (part, name) not in used:
                place = file.loaded.key_position((part, name))
                message = f"nobody uses `{name}`"
                yield file.loaded.finding(place, message, "remove it", "P040", Severity.WARNING)


def _given(shared: SharedSpec) -> Iterator[tuple[str, str]]:
    for part in ("snippets", "lists", "windows"):
        yield from ((part, name) for name in getattr(shared, part))


def _uses(value: object) -> Iterator[tuple[str, str]]:
    """Yield what a part of a rule names."""
    if isinstance(value, ListRef):
        yield "lists", str(value)
    elif isinstance(value, SnippetSpec):
        yield "snippets", value.snippet
    elif isinstance(value, BaseModel):
        if isinstance(value, WhenSpec):
            yield from (("windows", name) for name in value.hours or ())
        yield from _all_uses(getattr(value, name) for name in type(value).model_fields)
    elif isinstance(value, dict):
        yield from _all_uses(value.values())
    elif isinstance(value, tuple | list):
        yield from _all_uses(value)


def _all_uses(values: Iterable[object]) -> Iterator[tuple[str, str]]:
    for value in values:
        yield from _uses(value)
