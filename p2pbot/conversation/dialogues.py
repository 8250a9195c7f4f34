"""Dialogue tests, played: each step is done in a rehearsal or compared with what the bot did.

Promise: pure; a failure names the step's place in the file, what was wanted, what came and why, and where the written
expectation could simply be replaced it says with what.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from p2pbot.conversation.decision import Policy
from p2pbot.conversation.rehearsal import Rehearsal, Spoken, Turn
from p2pbot.document import Finding, Loaded, Position, did_you_mean, load_document
from p2pbot.model import Reason
from p2pbot.rules.dialogue import BotSpec, DialogueSpec, NoneSpec, RuleFile, StepSpec
from p2pbot.rules.pictures import NO_PICTURES, Pictures
from p2pbot.rules.ruleset import LoadedRules, RuleSet, load_rules
from p2pbot.rules.verdict import Outcome, RuleTrace

Path = tuple[str | int, ...]
_SHOWN = 80  # characters of a text in a message; the difference shows the rest
_NEAREST = 3  # rules that a failure names


@dataclass(frozen=True, slots=True)
class Fix:
    """What ``--update`` writes instead of the characters from ``start`` to ``end`` of the file."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met. ``wanted`` and ``actual`` are whole texts, for showing the difference."""

    finding: Finding
    wanted: str = ""
    actual: str = ""
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """One dialogue test and what failed in it."""

    name: str
    position: Position
    failures: tuple[Failure, ...] = ()


def play_all(ruleset: RuleSet, files: Mapping[str, str], policy: Policy | None = None) -> tuple[Played, ...]:
    """Play the tests of ``files`` that can be read (``load_rules`` says of the others what is wrong with them)."""
    played = []
    for name in sorted(name for name, text in files.items() if "tests" in text):  # most of a large set has none
        loaded = load_document(files[name], name, RuleFile)
        for at, spec in enumerate(loaded.value.tests if loaded.value else ()):
            played.append(play(ruleset, loaded, at, spec, policy))
    return tuple(played)


def load_tested(files: Mapping[str, str], pictures: Pictures = NO_PICTURES) -> LoadedRules:
    """Load rules and play the tests that stand in the same files; one that fails is an ERROR like any other."""
    loaded = load_rules(files, pictures)
    failed = failed_tests(loaded.ruleset, files) if loaded.ruleset else ()
    return LoadedRules(None, (*failed, *loaded.findings)) if failed else loaded


def failed_tests(ruleset: RuleSet, files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return a finding for each test that fails, the first failure of each: what a reload asks."""
    return tuple(test.failures[0].finding for test in play_all(ruleset, files) if test.failures)


def failed_files(ruleset: RuleSet, files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return what is wrong with files of tests alone: those that cannot be read, and each test that fails."""
    read = (load_document(text, name, RuleFile) for name, text in files.items())
    unread = (finding for loaded in read if loaded.value is None for finding in loaded.findings)
    return (*unread, *failed_tests(ruleset, files))


def play(
    ruleset: RuleSet, loaded: Loaded[RuleFile], at: int, spec: DialogueSpec, policy: Policy | None = None
) -> Played:
    """Play one test."""
    player = _Player(Rehearsal(ruleset, spec.order, spec.clock, policy), loaded, ("tests", at))
    failures = tuple(player.missing(spec, {rule.id for rule in ruleset.rules}) or player.play(spec.chat))
    return Played(spec.name, loaded.position(("tests", at, "name")), failures)


@dataclass
class _Player:
    """Goes through the steps. ``stimulus`` is the step that the bot was last given something by."""

    rehearsal: Rehearsal
    loaded: Loaded[RuleFile]
    base: Path
    stimulus: Path = field(default=())
    lost: bool = False

    def missing(self, spec: DialogueSpec, known: Collection[str]) -> list[Failure]:
        """Return a failure for each rule that is said to have spoken and does not exist."""
        orders = [(spec.order, (*self.base, "order"))]
        orders += [(step.order, (*self.base, "chat", at, "order")) for at, step in enumerate(spec.chat) if step.order]
        return [
            self._failure((*path, "after_rule"), f"there is no rule `{name}`; {did_you_mean(name, known)}".rstrip("; "))
            for order, path in orders
            for name in order.after_rule or ()
            if name not in known
        ]

    def play(self, chat: Iterable[StepSpec]) -> Iterator[Failure]:
        """Yield what fails. A reply too many or too few ends the test: what follows would fail because of it."""
        for at, step in enumerate(chat):
            yield from self._step(step, (*self.base, "chat", at))
            if self.lost:
                return
        spoken = self.rehearsal.next_spoken()
        if spoken is not None:
            yield self._unexpected(spoken)

    def _step(self, step: StepSpec, path: Path) -> Iterator[Failure]:
        if step.key == "bot":
            yield from self._expect_reply(step.bot or BotSpec(), (*path, "bot"))
        elif step.key == "none":
            yield from self._expect_silence(step.none or NoneSpec(), (*path, "none"))
        elif step.key == "wait":
            self.rehearsal.wait(step.wait or 0)
        else:
            for spoken in self.rehearsal.unheard()[:1]:
                yield self._unexpected(spoken)
            if not self.lost:
                self._do(step, (*path, step.key))

    def _do(self, step: StepSpec, path: Path) -> None:
        turn: Turn | None = None
        if step.key == "operator":
            self.rehearsal.operator(step.operator or "")
        elif step.key == "counterparty":
            turn = self.rehearsal.says(step.counterparty or "")
        elif step.key == "image":
            turn = self.rehearsal.shows(step.image or "")
        elif step.order is not None:
            turn = self.rehearsal.change(step.order)
        elif step.event is not None:
            turn = self.rehearsal.happens(step.event)
        if turn is not None:
            self.stimulus = path

    @property
    def turn(self) -> Turn | None:
        """The newest decision."""
        return self.rehearsal.turns[-1] if self.rehearsal.turns else None

    # Expectations

    def _expect_reply(self, wanted: BotSpec, path: Path) -> Iterator[Failure]:
        spoken = self.rehearsal.next_spoken()
        if spoken is None:
            self.lost = True
            meant = f"rule `{wanted.rule}`" if wanted.rule else "the bot"
            lacks = self._reason() is Reason.RENDER_FAILED
            hint = "say it in the test's `order:`, or write |default('…') in the text" if lacks else ""
            message = f"{meant} was to speak; nothing is said: {self._why(wanted.rule)}"
            yield self._failure(path, message, key=True, hint=hint)
            return
        said = "\n".join(spoken.bubbles)
        if wanted.rule and wanted.rule != spoken.rule_id:
            why = self._why_not(wanted.rule)
            message = f"rule `{wanted.rule}` was to speak, `{spoken.rule_id}` did{why}"
            yield self._failure((*path, "rule"), message, wanted.rule, spoken.rule_id)
        for at, part in enumerate(wanted.contains or ()):
            if _plain(part) not in _plain(said):
                first = spoken.bubbles[0] if spoken.bubbles else ""
                place = self._item((*path, "contains"), path, at)
                yield self._failure(place, f"`{_cut(part)}` is not in the reply `{_cut(said)}`", part, first)
        yield from self._compare_texts(wanted, spoken, path)
        for at, part in enumerate(wanted.notify or ()):
            if not any(_plain(part) in _plain(told) for told in spoken.notify):
                told = "; ".join(spoken.notify) or "nothing"
                yield self._failure((*path, "notify", at), f"the operator was to be told `{_cut(part)}`, is: {told}")
        if wanted.handover is not None and wanted.handover is not spoken.handover:
            done = "hands the order over" if spoken.handover else "does not hand the order over"
            yield self._failure((*path, "handover"), f"rule `{spoken.rule_id}` {done}")

    def _compare_texts(self, wanted: BotSpec, spoken: Spoken, path: Path) -> Iterator[Failure]:
        texts = wanted.text
        if texts is None or texts == spoken.bubbles:
            return
        place: Path = (*path, "text")
        if len(texts) != len(spoken.bubbles):
            message = f"{len(texts)} texts were wanted, {len(spoken.bubbles)} came"
            yield self._failure(place, message, "\n".join(texts), "\n".join(spoken.bubbles), fixable=False)
            return
        for at, (text, said) in enumerate(zip(texts, spoken.bubbles, strict=True)):
            if text != said:
                message = f"the reply is not as written: `{_cut(said)}`"
                yield self._failure(self._item(place, path, at), message, text, said)

    def _expect_silence(self, wanted: NoneSpec, path: Path) -> Iterator[Failure]:
        spoken = self.rehearsal.next_spoken()
        if spoken is not None:
            yield self._unexpected(spoken, path)
            return
        actual = self._reason()
        self.rehearsal.forget()
        if wanted.because is not None and wanted.because is not actual:
            found = actual.value if actual else "nothing happened"
            message = f"silent, but not because of {wanted.because.value}: {self._why(None)}"
            yield self._failure(self._item((*path, "because"), path, 0), message, wanted.because.value, found)

    def _unexpected(self, spoken: Spoken, path: Path | None = None) -> Failure:
        self.lost = True
        said = "\n".join(spoken.bubbles)
        about = "nothing was to be said" if path else "no step expects a reply"
        shown = f" `{_cut(said)}`" if said else ""
        return self._failure(
            path or self.stimulus, f"{about}; rule `{spoken.rule_id}` speaks{shown}", "", said, key=True
        )

    # Words

    def _reason(self) -> Reason | None:
        if self.turn is None:
            return None
        return next((spoken.dropped for spoken in self.turn.spoken if spoken.dropped), self.turn.reason)

    def _why(self, rule_id: str | None) -> str:
        reason = self._reason()
        if self.turn is None or reason is None:
            return "nothing happened before"
        lines = [line for line in self.turn.trace if line.rule_id == rule_id] or _nearest(self.turn.trace)
        told = "; ".join(_told(line) for line in lines)
        return f"{reason.value}" + (f" ({told})" if told and reason is self.turn.reason else "")

    def _why_not(self, rule_id: str) -> str:
        lines = [line for line in self.turn.trace if line.rule_id == rule_id] if self.turn else []
        return f" ({_told(lines[0])})" if lines else f"; there is no rule `{rule_id}` for this"

    def _item(self, place: Path, path: Path, at: int) -> Path:
        """Return where one text stands: in a list, alone under its key, or alone in place of the whole mapping."""
        for candidate in ((*place, at), place):
            if self.loaded.span(candidate):
                return candidate
        return path

    def _failure(
        self,
        path: Path,
        message: str,
        wanted: str = "",
        actual: str = "",
        *,
        key: bool = False,
        fixable: bool = True,
        hint: str = "",
    ) -> Failure:
        place = self.loaded.key_position(path) if key else self.loaded.position(path)
        span = self.loaded.span(path) if fixable and not key and actual else None
        fix = Fix(*span, quoted(actual)) if span else None
        return Failure(self.loaded.finding(place, message, hint), wanted, actual, fix)


def updated(text: str, fixes: Iterable[Fix]) -> str:
    """Return a file's text with the fixes made, one for each place."""
    text = text.removeprefix("\ufeff")
    for fix in sorted({fix.start: fix for fix in fixes}.values(), key=lambda fix: -fix.start):
        text = text[: fix.start] + fix.text + text[fix.end :]
    return text


def quoted(text: str) -> str:
    """Return a text as YAML in double quotes; what cannot be seen is escaped."""
    shown = json.dumps(text, ensure_ascii=False)
    return shown if shown.isprintable() else json.dumps(text)


def _nearest(trace: Iterable[RuleTrace]) -> list[RuleTrace]:
    """Return the rules that came nearest to speaking: at their limit, or a fact not known, or the words met."""
    order = (Outcome.LIMITED, Outcome.UNKNOWN)
    near = [line for outcome in order for line in trace if line.outcome is outcome]
    met = [line for line in trace if line.outcome is Outcome.NO and line.check.startswith("when.")]
    return (near + met)[:_NEAREST]


def _told(line: RuleTrace) -> str:
    if not line.check:
        return f"{line.rule_id}: {line.outcome.value.replace('_', ' ')}"
    return f"{line.rule_id}: {line.check} wanted {line.wanted}, is {line.actual}"


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
