"""From a rule as it is written to a rule that can be asked, with everything found that is wrong on the way.

Promise: a rule is compiled or there is an ERROR at the place that is to blame; one fault does not hide the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from p2pbot.document import Finding, Loaded, Position, Severity
from p2pbot.model import EventKind, Mode
from p2pbot.rules.conditions import compile_when
from p2pbot.rules.limits import compile_limit
from p2pbot.rules.lints import text_lints, translation_lints
from p2pbot.rules.matching import Matcher, PatternCheck, PhraseCheck
from p2pbot.rules.phrases import Phrase, PhraseFault, parse_phrase
from p2pbot.rules.regexes import Pattern, PatternFault, compile_pattern
from p2pbot.rules.replies import ANY, Bubble, ByLanguage, Reply, Wordings
from p2pbot.rules.rule import Rule
from p2pbot.rules.spec import ChoiceSpec, FileSpec, RuleSpec
from p2pbot.rules.templates import Text, compile_text
from p2pbot.rules.verdict import Handover

Path = tuple[str | int, ...]
_PHRASE_KEYS = ("words", "all_words", "exact", "starts")
_SLOW_LENGTH = 1000  # a text that a merchant may really get; slower than that is refused


@dataclass
class Phrases:
    """Phrases numbered once for all rules."""

    numbers: dict[Phrase, int] = field(default_factory=dict)

    def number(self, phrase: Phrase) -> int:
        """Return the phrase's number, a new one for a new phrase."""
        return self.numbers.setdefault(phrase, len(self.numbers))


class RuleCompiler:
    """Compiles the rule at ``index`` of a loaded file."""

    def __init__(self, loaded: Loaded[FileSpec], index: int, spec: RuleSpec, phrases: Phrases) -> None:
        self.loaded = loaded
        self.spec = spec
        self.findings: list[Finding] = []
        self._base: Path = ("rules", index)
        self._phrases = phrases

    def compile(self) -> Rule | None:
        """Return the rule, or None when a finding is an ERROR."""
        spec = self.spec
        matcher = self._matcher()
        reply = self._reply(matcher.names)
        notify = tuple(self._notify(matcher.names))
        if reply is None and not notify and spec.handover is None:
            self.complain(self.key(), "the rule does nothing", "give it a reply, notify or handover")
        if self._is_broken():
            return None
        return Rule(
            id=spec.id,
            group=spec.group or spec.id,
            where=str(self.key("id")),
            events=frozenset(spec.on),
            priority=spec.priority,
            matcher=matcher,
            checks=compile_when(spec.when, lambda path: str(self.at("when", *path))),
            limits=tuple(compile_limit(limit) for limit in spec.limit),
            limit_where=str(self.at("limit")),
            reply=reply,
            reply_where=str(self.at("reply")),
            delay_ms=spec.delay,
            expires_ms=spec.expires,
            notify=notify,
            handover=Handover(spec.handover.for_ms, spec.handover.reason) if spec.handover else None,
            goes_on=spec.continue_,
            shadow=spec.mode is Mode.SHADOW,
        )

    def _is_broken(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def at(self, *path: str | int) -> Position:
        """Return the place of a value of this rule."""
        return self.loaded.position((*self._base, *path))

    def key(self, *path: str | int) -> Position:
        """Return the place of a key of this rule, or of the rule."""
        return self.loaded.key_position((*self._base, *path)) if path else self.at()

    def complain(self, place: Position, message: str, hint: str = "", code: str = "") -> None:
        """Report an ERROR."""
        self.findings.append(self.loaded.finding(place, message, hint, code))

    def warn(self, place: Position, message: str, hint: str = "", code: str = "") -> None:
        """Report a WARNING."""
        self.findings.append(self.loaded.finding(place, message, hint, code, Severity.WARNING))

    # Text checks

    def _matcher(self) -> Matcher:
        keys = [prefix + key for key in _PHRASE_KEYS for prefix in ("", "not_")]
        phrases = [self._phrase_check(key) for key in keys if getattr(self.spec, key)]
        patterns = [self._pattern_check(key) for key in ("regex", "not_regex") if getattr(self.spec, key)]
        matcher = Matcher(tuple(phrases), tuple(patterns))
        deaf = [event.value for event in self.spec.on if event is not EventKind.MESSAGE]
        checks: tuple[PhraseCheck | PatternCheck, ...] = (*phrases, *patterns)
        for check in checks if deaf else ():
            self.complain(self.key(check.name), f"`{check.name}` has no text to look at in `on: {deaf[0]}`")
        return matcher

    def _phrase_check(self, key: str) -> PhraseCheck:
        name = key.removeprefix("not_")
        numbered: list[tuple[int, str]] = []
        for at, written in enumerate(getattr(self.spec, key)):
            try:
                phrase = parse_phrase(written, at_start=name in {"starts", "exact"}, at_end=name == "exact")
            except PhraseFault as fault:
                self.complain(self.at(key, at), f"`{written[:40]}` can never match", str(fault), "P011")
            else:
                numbered.append((self._phrases.number(phrase), written))
        negative = key.startswith("not_")
        return PhraseCheck(key, tuple(numbered), str(self.at(key)), every=name == "all_words", negative=negative)

    def _pattern_check(self, key: str) -> PatternCheck:
        patterns = [self._pattern(key, at, written) for at, written in enumerate(getattr(self.spec, key))]
        usable = tuple(pattern for pattern in patterns if pattern)
        return PatternCheck(key, usable, str(self.at(key)), negative=key.startswith("not_"))

    def _pattern(self, key: str, at: int, written: str) -> Pattern | None:
        place = self.at(key, at)
        try:
            pattern = compile_pattern(written)
        except PatternFault as fault:
            self.complain(place, "this pattern cannot be used", str(fault))
            return None
        length = pattern.slowest_length()
        if length is not None and length < _SLOW_LENGTH:
            hint = "two repeats that can take the same letters are the usual cause"
            self.complain(place, f"this pattern takes too long on a text of {length} characters", hint, "P012")
        elif length is not None:
            self.warn(place, f"this pattern takes too long on a text of {length} characters", code="P012")
        if pattern.literals is None:
            hint = "a pattern with some fixed letters is asked only when a message has them"
            self.warn(place, "this pattern must be tried on every message", hint, "P013")
        return pattern

    # Texts

    def _reply(self, groups: frozenset[str]) -> Reply | None:
        reply = self.spec.reply
        if reply is None:
            return None
        if isinstance(reply, dict):
            spoken = [(code, self._bubbles(said, ("reply", code), groups)) for code, said in reply.items()]
        else:
            spoken = [(ANY, self._bubbles(reply, ("reply",), groups))]
        used = {code: _used(text for bubble in bubbles for text in bubble.texts()) for code, bubbles in spoken}
        self._compare(used, ("reply",))
        return Reply(tuple(spoken))

    def _bubbles(self, said: object, path: Path, groups: frozenset[str]) -> tuple[Bubble, ...]:
        if isinstance(said, list):
            return tuple(self._bubble(one, (*path, at), groups) for at, one in enumerate(said))
        return (self._bubble(said, path, groups),)

    def _bubble(self, said: object, path: Path, groups: frozenset[str]) -> Bubble:
        if isinstance(said, dict):
            wordings: ByLanguage[Wordings] = tuple(
                (code, self._wordings(one, (*path, code), groups)) for code, one in said.items()
            )
            used = {code: _used(texts) for code, texts in wordings}
            self._compare(used, path)
            return Bubble(wordings)
        return Bubble(((ANY, self._wordings(said, path, groups)),))

    def _wordings(self, said: object, path: Path, groups: frozenset[str]) -> Wordings:
        if isinstance(said, ChoiceSpec):
            nested = ((*path, "text_any", at) for at in range(len(said.text_any)))
            texts = [self._text(one, where, groups) for one, where in zip(said.text_any, nested, strict=True)]
        else:
            texts = [self._text(str(said), path, groups)]
        return tuple(text for text in texts if text)

    def _text(self, source: str, path: Path, groups: frozenset[str]) -> Text | None:
        whole: Path = (*self._base, *path)
        if not source.strip():
            self.complain(self.loaded.position(whole), "the text is empty")
            return None
        text = compile_text(source, groups)
        if isinstance(text, Text):
            self.findings.extend(text_lints(text, self.spec, self.loaded, whole))
            return text
        for fault in text:
            place = self.loaded.find(whole, fault.part) if fault.part else self.loaded.position(whole)
            self.complain(place, fault.message, fault.hint, fault.code)
        return None

    def _compare(self, used: dict[str, frozenset[tuple[str, str]]], path: Path) -> None:
        """Compare the languages of one text, unless one of them is missing."""
        if not self._is_broken():
            self.findings.extend(translation_lints(used, self.loaded, (*self._base, *path)))

    def _notify(self, groups: frozenset[str]) -> Iterator[Text]:
        for at, source in enumerate(self.spec.notify or ()):
            text = self._text(source, ("notify", at), groups)
            if text is None:
                continue
            private = sorted(f"{group}.{name}" for group, name in text.variables if group not in {"order", "bot"})
            if private:
                hint = "a word to the operator may use order.* and bot.*"
                self.complain(self.at("notify", at), f"`{private[0]}` must not leave the chat", hint, "P021")
            yield text


def _used(texts: Iterable[Text]) -> frozenset[tuple[str, str]]:
    return frozenset(variable for text in texts for variable in text.variables)
