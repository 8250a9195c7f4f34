"""The rules that an account runs by, and their reload.

Promise: a set is swapped whole or not at all; a refused reload leaves the old set running and tells the operator so.
Reading and compiling happen in a thread with the collector held back, so that a large set does not hold up the chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from p2pbot.conversation.dialogues import failed_files, load_tested
from p2pbot.daemon.collector import held
from p2pbot.document import Severity
from p2pbot.errors import ConfigError, RulesError, StateError
from p2pbot.model import Notice, Topic
from p2pbot.ports import Events, Notifier
from p2pbot.rules.pictures import Pictures, ReadPictures
from p2pbot.rules.ruleset import RuleSet, let_go, load_rules
from p2pbot.rules.verdict import Verdict

_SHOWN = 20  # findings in one log line; `p2pbot rules check` shows all


class Copies(Protocol):
    """Keeps the last files that were good (``adapters.last_good``); its methods run in a thread."""

    def keep(self, account: str, files: Mapping[str, str], pictures: ReadPictures) -> None:
        """Replace an account's copy, and lay its pictures where replies find them. Raises StateError."""
        ...

    def kept(self, account: str) -> tuple[Mapping[str, str], Pictures] | None:
        """Return an account's copy and what is known of its pictures, or None."""
        ...


@dataclass(frozen=True, slots=True)
class _Read:
    """Files and what became of them; ``findings`` are lines, ``ruleset`` None when one of them is an error."""

    files: Mapping[str, str]
    ruleset: RuleSet | None
    findings: tuple[str, ...] = ()
    pictures: ReadPictures = field(default_factory=ReadPictures)


def _forget(old: list[RuleSet | None]) -> None:
    """Let an old set go, rule by rule, unless something is being decided by it still."""
    ruleset = old.pop()
    rules = list(ruleset.rules) if ruleset else []
    del ruleset
    let_go(rules)


class Rulebook:
    """One account's current rules.

    ``read`` returns file names and texts; it runs in a thread and may raise ConfigError. ``look_at`` reads the pictures
    that they name, in the same thread; ``tests`` returns files of tests, which guard a reload and never a start: a shop
    must not stay shut because of a test. ``copies`` and ``now`` (the time of day as people read it) may be left out by
    whoever embeds the daemon.
    """

    def __init__(  # noqa: PLR0913 - each is a door, and whoever embeds the daemon may leave most of them out
        self,
        account: str,
        read: Callable[[], Mapping[str, str]],
        events: Events,
        notifier: Notifier,
        *,
        look_at: Callable[[Mapping[str, str]], ReadPictures] = lambda _files: ReadPictures(),
        tests: Callable[[], Mapping[str, str]] = dict,
        copies: Copies | None = None,
        now: Callable[[], str] = lambda: "",
    ) -> None:
        self._account = account
        self._read = read
        self._look_at = look_at
        self._events = events
        self._notifier = notifier
        self._tests = tests
        self._copies = copies
        self._now = now
        self._since = ""
        self._current: RuleSet | None = None
        self._unkept: _Read | None = None
        self._pressed = False
        self._one = asyncio.Lock()  # a signal and the watch may ask for a reload at once
        self.left_out: frozenset[str] = frozenset()
        self.refusal: tuple[str, ...] = ()  # what was wrong with the files that were read last

    def __call__(self) -> RuleSet:
        """Return the rules in force. Raises RulesError before ``start``."""
        if self._current is None:
            raise RulesError(f"the rules of account {self._account} are not loaded")
        return self._current

    def adopt(self, ruleset: RuleSet) -> None:
        """Run by a set that is compiled already (whoever embeds the daemon may have made it elsewhere)."""
        self._current = ruleset
        self._since = self._now()
        self._pressed = False
        self.left_out = frozenset()

    async def start(self) -> None:
        """Load the rules for the first time; if they are bad, the last good ones, loudly.

        Raises RulesError with every finding when there are none. Nothing is written: ``keep`` does that later.
        """
        with held():
            read = await asyncio.to_thread(self._load)
        if read.ruleset is not None:
            self._unkept = read
            self._take(read.ruleset)
            return
        old = await asyncio.to_thread(self._load_copy)
        if old is None:
            raise RulesError(
                f"the rules of account {self._account} have errors",
                remedy="mend them; p2pbot rules check shows them again",
                findings=read.findings,
            )
        self.adopt(old)
        await self._refused(read.findings, "running the last good copy")

    async def keep(self) -> None:
        """Write the copy of what was loaded; the state directory must be ours by now. A failure is said, not raised."""
        read, self._unkept = self._unkept, None
        if read is None or self._copies is None:
            return
        try:
            await asyncio.to_thread(self._copies.keep, self._account, read.files, read.pictures)
        except StateError as error:
            self._events.warning("rules_copy_not_written", account=self._account, what=error.what)

    async def reload(self) -> bool:
        """Load the rules again; on any error keep the old set, say so, and return False."""
        async with self._one:
            with held():
                read = await asyncio.to_thread(self._load_guarded)
                if read.ruleset is not None:
                    self._unkept = read
                    await self.keep()  # before the set speaks: its pictures must be there when it does
                    old = [self._current]
                    self._take(read.ruleset)
                    await asyncio.to_thread(_forget, old)
                    return True
            since = f" of {self._since}" if self._since else ""
            await self._refused(read.findings, f"still running those{since}")
            return False

    def _take(self, ruleset: RuleSet) -> None:
        self.adopt(ruleset)
        self.refusal = ()
        self._events.info("rules_loaded", account=self._account, rules=len(ruleset.rules), hash=ruleset.hash[:12])

    async def slow(self, verdict: Verdict | None) -> None:
        """Leave rules whose pattern ran into its deadline out until the next reload; tell of each once.

        Patterns that together used up the time of a message are told of once: whom to blame is for the merchant.
        """
        late = frozenset(verdict.timed_out) - self.left_out if verdict else frozenset()
        self.left_out |= late  # before anything waits: the next message must not meet them
        for rule_id in sorted(late):
            text = f"The pattern of rule {rule_id} takes too long; the rule is off until you mend and reload it."
            await self._tell(f"quarantine:{self._account}:{rule_id}", text)
        if verdict and verdict.not_asked and not self._pressed:
            self._pressed = True
            text = f"The patterns of your rules together take too long: rule {verdict.not_asked[0]} was not asked."
            await self._tell(f"patterns:{self._account}", text)

    async def _tell(self, key: str, text: str) -> None:
        self._events.warning("pattern_slow", account=self._account, what=text)
        notice = Notice(key=key, text=text, account=self._account, urgent=True, topic=Topic.RULES)
        await self._notifier.notify(notice)

    def _load(self) -> _Read:
        try:
            files = self._read()
        except ConfigError as error:
            return _Read({}, None, (str(error), *error.findings))
        pictures = self._look_at(files)
        loaded = load_tested(files, pictures.known)
        errors_first = sorted(loaded.findings, key=lambda finding: finding.severity is not Severity.ERROR)
        return _Read(files, loaded.ruleset, tuple(finding.render() for finding in errors_first), pictures)

    def _load_guarded(self) -> _Read:
        """Load, and play the tests that stand in files of their own."""
        read = self._load()
        if read.ruleset is None:
            return read
        try:
            failed = failed_files(read.ruleset, self._tests())
        except ConfigError as error:
            return replace(read, ruleset=None, findings=(str(error), *error.findings))
        if not failed:
            return read
        return replace(read, ruleset=None, findings=(*(finding.render() for finding in failed), *read.findings))

    def _load_copy(self) -> RuleSet | None:
        copy = self._copies.kept(self._account) if self._copies else None
        return load_rules(*copy).ruleset if copy else None

    async def _refused(self, findings: tuple[str, ...], instead: str) -> None:
        lines = [finding.splitlines()[0] for finding in findings if finding] or ["no reason given"]
        self.refusal = tuple(lines[:_SHOWN])
        self._events.error("rules_refused", account=self._account, instead=instead, findings=lines[:_SHOWN])
        text = f"Rules NOT loaded: {lines[0]} ({len(lines)} in all); {instead}."
        key = f"rules_refused:{self._account}"
        notice = Notice(key=key, text=text, account=self._account, urgent=True, topic=Topic.RULES)
        await self._notifier.notify(notice)
