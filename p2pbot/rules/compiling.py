"""From a rule as it is written to a rule that can be asked, with everything found that is wrong on the way.

Promise: a rule is compiled or there is an ERROR at the place that is to blame; one fault does not hide the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from p2pbot.document import Finding, Loaded, Position, Severity, did_you_mean
from p2pbot.model import EventKind, Mode
from p2pbot.rules.account_events import account_checks, is_of_account, thresholds, usual_limits
from p2pbot.rules.checks import Check, Path
from p2pbot.rules.conditions import DEFAULT_IDLE_MS, compile_when
from p2pbot.rules.contradictions import contradictions, spans
from p2pbot.rules.limits import Limit, compile_limit
from p2pbot.rules.lints import text_lints, translation_lints
from p2pbot.rules.matching import Matcher
from p2pbot.rules.pictures import PictureFlaw, picture_at
from p2pbot.rules.replies import ANY, DEFAULT, Bubble, ByLanguage, Reply, Shown, Wordings, texts_of
from p2pbot.rules.rule import Rule
from p2pbot.rules.shared import Shared, UnknownName
from p2pbot.rules.spec import (
    SPEECHLESS,
    ChoiceSpec,
    FileSpec,
    ImageSpec,
    RuleSpec,
    SnippetSpec,
    TypingSpec,
)
from p2pbot.rules.templates import Text, compile_text
from p2pbot.rules.text_checks import Phrases, TextCompiler, text_keys
from p2pbot.rules.verdict import Handover

_WITH_TEXT = frozenset({EventKind.MESSAGE, EventKind.OPERATOR_MESSAGE})
_SHOWN = 8
_TEXTLESS = "`{}` looks at a text, and `on: {}` has none"


class RuleCompiler:
    """Compiles the rule at ``index`` of a loaded file."""

    def __init__(
        self, loaded: Loaded[FileSpec], index: int, spec: RuleSpec, phrases: Phrases, shared: Shared | None = None
    ) -> None:
        self.loaded = loaded
        self.spec = spec
        self.findings: list[Finding] = []
        self._incomplete = False
        self._base: Path = ("rules", index)
        self._phrases = phrases
        self._shared = shared or Shared()

    def compile(self) -> Rule | None:
        """Return the rule, or None when a finding is an ERROR."""
        spec = self.spec
        matcher, checks, reply, notify = self.look()
        for place, message, hint in contradictions(spec):
            self.complain(self.key(*place), message, hint)
        if self._is_broken():
            return None
        return Rule(
            id=spec.id,
            group=spec.group or spec.id,
            key=self._shared.keys[spec.id] if spec.id in self._shared.followed else "",
            where=str(self.key("id")),
            events=frozenset(spec.on),
            spans=spans(spec),
            priority=spec.priority,
            matcher=matcher,
            checks=checks,
            limits=_limits(spec),
            thresholds=thresholds(spec),
            of_account=is_of_account(spec),
            limit_where=str(self.at("limit")),
            reply=reply,
            reply_where=str(self.at("reply")),
            delay_ms=spec.delay if isinstance(spec.delay, tuple) else (0, 0),
            typing_cps=spec.delay.typing if isinstance(spec.delay, TypingSpec) else 0,
            debounce_ms=spec.debounce or 0,
            expires_ms=spec.expires,
            notify=notify,
            handover=Handover(spec.handover.for_ms, spec.handover.reason) if spec.handover else None,
            unmute=spec.unmute,
            tags=tuple((spec.set or {}).items()),
            goes_on=spec.continue_,
            shadow=spec.mode is Mode.SHADOW,
        )

    def look(self) -> tuple[Matcher, tuple[Check, ...], Reply | None, tuple[Text, ...]]:
        """Look at the rule's parts one by one, and report what is wrong with them."""
        matcher, checks = self._matcher(), self._checks()
        return matcher, checks, self._reply(matcher.names), tuple(self._notify(matcher.names))

    def _is_broken(self) -> bool:
        return self._incomplete or any(finding.severity is Severity.ERROR for finding in self.findings)

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

    def unknown(self, place: Position, error: UnknownName) -> None:
        """Report a name that nothing has, unless it may be in a file that could not be read."""
        if error.certain:
            hint = did_you_mean(error.name, error.known) or known_here(error.known)
            self.complain(place, str(error), hint, "P001")
        else:
            self._incomplete = True

    # Text checks

    def _matcher(self) -> Matcher:
        compiler = TextCompiler(self, self._phrases, self._shared, typos=self.spec.typos == "1")
        deaf = [event.value for event in self.spec.on if event not in _WITH_TEXT]
        for name in text_keys(self.spec) if deaf else ():
            hint = f"remove `{name}`, or write `on: message`"
            self.complain(self.key(name), _TEXTLESS.format(name, deaf[0]), hint)
        return compiler.matcher(self.spec)

    def _checks(self) -> tuple[Check, ...]:
        idle_ms = 0 if set(self.spec.on) & SPEECHLESS else DEFAULT_IDLE_MS
        where = partial(self._place, "when")
        if self.spec.when.weekday and not self.spec.when.zone and not self._shared.timezone:
            self._incomplete = not self._shared.complete
            if self._shared.complete:
                hint = "write `zone: Europe/Istanbul` beside it, or `timezone: Europe/Istanbul` at the top of a file"
                self.complain(self.key("when", "weekday"), "in which time zone?", hint)
        try:
            asked = account_checks(self.spec, str(self.key("on")))
            return (*asked, *compile_when(self.spec.when, where, self._shared, default_idle_ms=idle_ms))
        except UnknownName as error:
            self.unknown(self._named(error.name), error)
            return ()

    def _named(self, name: str) -> Position:
        """Return where ``when:`` names something that nobody has."""
        when = self.spec.when
        for key in ("hours", "after_rule", "asset", "fiat", "payment_method", "ad", "account"):
            for at, written in enumerate(getattr(when, key) or ()):
                if str(written) == name:
                    return self.at("when", key, at)
        return self.at("when", "counterparty", "nickname")

    def _place(self, first: str, path: Path) -> str:
        return str(self.at(first, *path))

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

    def _meant(self, said: object, path: Path) -> object:
        """Return what is said, a snippet by its name replaced; one that nobody has is reported and says nothing."""
        if not isinstance(said, SnippetSpec):
            return said
        try:
            return self._shared.snippet(said.snippet)
        except UnknownName as error:
            self.unknown(self.at(*path), error)
            return "-"

    def _bubble(self, said: object, path: Path, groups: frozenset[str]) -> Bubble:
        said = self._meant(said, path)
        if isinstance(said, dict):
            lines: ByLanguage[Wordings | Shown] = tuple(
                (code, self._line(one, (*path, code), groups)) for code, one in said.items()
            )
            used = {code: _used(texts_of(line)) for code, line in lines}
            self._compare(used, path)
            return Bubble(lines)
        return Bubble(((ANY, self._line(said, path, groups)),))

    def _line(self, said: object, path: Path, groups: frozenset[str]) -> Wordings | Shown:
        if not isinstance(said, ImageSpec):
            return self._wordings(said, path, groups)
        caption = None if said.caption is None else self._bubble(said.caption, (*path, "caption"), groups)
        found = picture_at(self._shared.pictures, self.loaded.source.file, said.image)
        if isinstance(found, PictureFlaw):
            self.complain(self.at(*path, "image"), found.what, found.hint, "P025")
            return ()  # the rule is not used
        return Shown(found, caption)

    def _wordings(self, said: object, path: Path, groups: frozenset[str]) -> Wordings:
        said = self._meant(said, path)
        if isinstance(said, dict):
            codes = (*reversed(path), DEFAULT, self._shared.default_language)
            said = next((said[code] for code in codes if code in said), next(iter(said.values())))
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


def _limits(spec: RuleSpec) -> tuple[Limit, ...]:
    usual = usual_limits(spec)
    return tuple(compile_limit(limit) for limit in spec.limit) if usual is None else usual


def known_here(names: tuple[str, ...]) -> str:
    """Return a hint that names what there is."""
    return "known here: " + ", ".join(sorted(names)[:_SHOWN]) if names else "none is written in these files"


def _used(texts: Iterable[Text]) -> frozenset[tuple[str, str]]:
    return frozenset(variable for text in texts for variable in text.variables)
