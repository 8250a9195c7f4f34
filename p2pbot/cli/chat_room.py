"""The talk of ``p2pbot rules chat``: each line typed becomes a step of a rehearsal, and of the test that it may become.

Promise: a line that is wrong is answered with a sentence and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from p2pbot.cli.explanation import clock_ms, given_order, trace_row
from p2pbot.cli.output import Paint, columns, shown
from p2pbot.cli.rules_show import counted
from p2pbot.cli.words import reason_words
from p2pbot.conversation.dialogues import play, quoted
from p2pbot.conversation.rehearsal import Rehearsal, Spoken, Turn
from p2pbot.document import load_document
from p2pbot.errors import UsageError
from p2pbot.model import EventKind, Reason
from p2pbot.rules.dialogue import FOLLOWS, MAX_STEPS, REASONS, START_MS, OrderGiven, RuleFile
from p2pbot.rules.measures import duration_ms
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.verdict import Outcome, RuleTrace

_INDENT = "      - "
_FEW = 12  # rules that `/why` shows when none came near


@dataclass
class ChatRoom:
    """One talk after the other. ``sample`` are the facts of a new order, as ``--order`` takes them.

    ``clock``: when a talk begins, empty for the time at which tests begin that do not say it.
    """

    ruleset: RuleSet
    sample: str
    paint: Paint
    clock: str = ""
    steps: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin("")

    def answer(self, line: str) -> Iterator[str]:
        """Do what a line says, and yield what is to be shown."""
        word, _, rest = line.partition(" ")
        try:
            if word.startswith("/"):
                yield from self._command(word)(rest.strip())
            else:
                yield from self._heard(self.rehearsal.says(line), f"counterparty: {quoted(line)}")
        except (UsageError, ValueError, OSError) as error:
            yield self.paint("yellow", shown(str(error)))

    def _command(self, word: str) -> Callable[[str], Iterator[str]]:
        commands: dict[str, Callable[[str], Iterator[str]]] = {
            "/order": self._order,
            "/event": self._event,
            "/image": self._image,
            "/wait": self._wait,
            "/operator": self._operator,
            "/why": self._why,
            "/save": self._save,
            "/new": self._new,
        }
        if word not in commands:
            raise UsageError(f"there is no command {word[:20]}", remedy="/help lists them")
        return commands[word]

    def order_line(self) -> str:
        """Return the order in a line."""
        return self.paint("dim", shown(", ".join(f"{name}={value}" for name, value in self.facts.items())))

    # Commands

    def _new(self, changes: str) -> Iterator[str]:
        self._begin(changes)
        yield self.order_line()

    def _begin(self, changes: str) -> None:
        facts = _pairs(f"{self.sample},{changes}")
        self.rehearsal = Rehearsal(self.ruleset, _given(facts), clock_ms(self.clock) if self.clock else START_MS)
        self.facts, self.steps = facts, []
        self._first = _nested(facts)

    def _order(self, changes: str) -> Iterator[str]:
        pairs = _pairs(changes)
        if not pairs:
            yield self.order_line()
            return
        given = _given(pairs)
        turn = self.rehearsal.change(given)
        self.facts |= pairs
        yield from self._heard(turn, f"order: {_nested(pairs)}")
        if turn is None:
            yield self.order_line()

    def _event(self, name: str) -> Iterator[str]:
        if name not in set(EventKind):
            raise UsageError(f"`{name[:40]}` is no event", remedy="one of " + ", ".join(EventKind))
        turn = self.rehearsal.happens(EventKind(name))
        status = self.rehearsal.given.order_status
        if status:
            self.facts["order_status"] = status
        yield from self._heard(turn, f"event: {name}")

    def _image(self, _: str) -> Iterator[str]:
        yield from self._heard(self.rehearsal.shows(), "image: picture.png")

    def _wait(self, span: str) -> Iterator[str]:
        self.rehearsal.wait(duration_ms(span))
        yield from self._heard(None, f"wait: {span}")
        yield self.paint("dim", f"({shown(span)} later)")

    def _operator(self, text: str) -> Iterator[str]:
        self.rehearsal.operator(text)
        self.steps.append(f"operator: {quoted(text or 'hello')}")
        yield self.paint("dim", "a person has taken the order over")

    def _why(self, rest: str) -> Iterator[str]:
        if not self.rehearsal.turns:
            raise UsageError("nothing was said yet")
        turn = self.rehearsal.turns[-1]
        yield reason_words(turn.reason)
        near = [line for line in turn.trace if _is_near(line)]
        lines = turn.trace if rest == "all" else near or turn.trace[:_FEW]
        yield from columns(trace_row(line, self.paint) for line in lines)
        if len(lines) < len(turn.trace):
            others = counted(len(turn.trace) - len(lines), "other rule")
            yield self.paint("dim", f"(not meant: {others}; /why all tells of all)")

    def _save(self, rest: str) -> Iterator[str]:
        file, _, name = rest.partition(" ")
        if not file:
            raise UsageError("where to?", remedy="/save rules/tests/x.yaml [NAME]")
        if not self.steps:
            raise UsageError("nothing was said yet")
        if len(self.steps) > MAX_STEPS:
            raise UsageError(f"a test has at most {MAX_STEPS} steps", remedy="begin a shorter chat with /new")
        path = Path(file)
        before = path.read_text("utf-8") if path.exists() else "version: 1\ntests:\n"
        text = before.rstrip("\n") + "\n" + self._as_test(name.strip() or path.stem)
        self._must_pass(text, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        yield self.paint("green", f"saved {shown(file)}; it passes (p2pbot rules test)")

    # How a turn is shown and kept

    def _heard(self, turn: Turn | None, step: str) -> Iterator[str]:
        self.steps.append(step)
        spoken = list(iter(self.rehearsal.next_spoken, None))
        for one in spoken:
            self.steps.append(f"bot: {_expected(one)}")
            yield from self._shown(one)
        if turn is None or spoken:
            return
        turn = self.rehearsal.turns[-1]  # a message that was put off is decided by now
        reason = next((one.dropped for one in turn.spoken if one.dropped), turn.reason)
        self.rehearsal.forget()
        known = reason.value in REASONS
        self.steps.append(f"none: {{because: {_because(reason)}}}" if known else "none:")
        yield self.paint("dim", f"(silent: {reason_words(reason)}; /why tells more)")

    def _shown(self, spoken: Spoken) -> Iterator[str]:
        mark = " (shadow)" if spoken.shadow else ""
        for bubble in spoken.bubbles:
            first, *rest = bubble.split("\n")
            yield f"{self.paint('green', 'bot>')} {shown(first)}"
            yield from (f"     {shown(line)}" for line in rest)
        yield self.paint("dim", f"     [{spoken.rule_id}{mark}]")
        for text in spoken.notify:
            yield f"     notify: {shown(text)}"
        if spoken.handover:
            yield "     handover: the order is yours"

    def _as_test(self, name: str) -> str:
        lines = [f"  - name: {quoted(name)}", f"    order: {self._first}"]
        lines += [f"    clock: {quoted(self.clock)}"] if self.clock else []
        return "\n".join([*lines, "    chat:"] + [_INDENT + step for step in self.steps]) + "\n"

    def _must_pass(self, text: str, file: str) -> None:
        """Raise UsageError unless the file with the new test is right, and the test passes."""
        loaded = load_document(text, file, RuleFile)
        if loaded.value is None:
            raise UsageError(f"not saved: {loaded.findings[0].headline}", remedy="name another file")
        at = len(loaded.value.tests) - 1
        played = play(self.ruleset, loaded, at, loaded.value.tests[at])
        if played.failures:
            raise UsageError(f"not saved, it would not pass: {played.failures[0].finding.headline}")


def _is_near(line: RuleTrace) -> bool:
    """Whether a rule spoke, or would have but for a limit, a fact or a condition: its words were met."""
    return line.outcome in {Outcome.FIRED, Outcome.LIMITED, Outcome.UNKNOWN} or line.check.startswith("when.")


def _given(facts: dict[str, str]) -> OrderGiven:
    named = next((name for name in facts if name in FOLLOWS), None)
    if named:
        raise UsageError(f"`{named}` follows from the chat itself")
    given = given_order(",".join(f"{name}={value}" for name, value in facts.items()))
    return OrderGiven.model_construct(given.model_fields_set, **dict(given))


def _pairs(text: str) -> dict[str, str]:
    """Read ``status=paid,amount=900``; ``status`` is short for ``order_status``. Raises UsageError."""
    pairs: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"`{part[:40]}` is not name=value", remedy="for example status=paid,amount=900")
        short = name.strip()
        pairs["order_status" if short == "status" else short] = value.strip()
    return pairs


def _nested(pairs: dict[str, str]) -> str:
    """Return facts as YAML in one line."""
    top = [f"{name}: {quoted(value)}" for name, value in pairs.items() if "." not in name]
    groups: dict[str, list[str]] = {}
    for name, value in pairs.items():
        group, dot, last = name.partition(".")
        if dot:
            groups.setdefault(group, []).append(f"{last}: {quoted(value)}")
    return "{" + ", ".join([*top, *(f"{group}: {{{', '.join(inner)}}}" for group, inner in groups.items())]) + "}"


def _expected(spoken: Spoken) -> str:
    parts = [f"rule: {spoken.rule_id}"]
    if spoken.bubbles:
        parts.append(f"text: [{', '.join(map(quoted, spoken.bubbles))}]")
    if spoken.notify:
        parts.append(f"notify: [{', '.join(map(quoted, spoken.notify))}]")
    if spoken.handover:
        parts.append("handover: yes")
    return "{" + ", ".join(parts) + "}"


def _because(reason: Reason) -> str:
    return "limit" if reason is Reason.LIMITED else reason.value
