"""The rules that an account runs by, and their reload.

Promise: a set is swapped whole or not at all; a refused reload leaves the old set running and tells the operator so.
Reading and compiling happen in a thread, so that a large set does not hold up the chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from p2pbot.errors import ConfigError, RulesError
from p2pbot.model import Notice
from p2pbot.ports import Events, Notifier
from p2pbot.rules.ruleset import LoadedRules, RuleSet, load_rules

_SHOWN = 20  # findings in one log line; `p2pbot rules check` shows all


class Rulebook:
    """One account's current rules.

    ``read`` returns file names and texts; it runs in a thread and may raise ConfigError.
    """

    def __init__(self, account: str, read: Callable[[], Mapping[str, str]], events: Events, notifier: Notifier) -> None:
        self._account = account
        self._read = read
        self._events = events
        self._notifier = notifier
        self._current: RuleSet | None = None
        self.left_out: frozenset[str] = frozenset()

    def __call__(self) -> RuleSet:
        """Return the rules in force. Raises RulesError before ``start``."""
        if self._current is None:
            raise RulesError(f"the rules of account {self._account} are not loaded")
        return self._current

    def adopt(self, ruleset: RuleSet) -> None:
        """Run by a set that is compiled already (whoever embeds the daemon may have made it elsewhere)."""
        self._current = ruleset
        self.left_out = frozenset()

    async def start(self) -> None:
        """Load the rules for the first time. Raises RulesError with every finding."""
        loaded = await asyncio.to_thread(self._load)
        if loaded.ruleset is None:
            findings = tuple(finding.render() for finding in loaded.findings)
            raise RulesError(
                f"the rules of account {self._account} have errors",
                remedy="mend them; p2pbot rules check shows them again",
                findings=findings,
            )
        self._current = loaded.ruleset
        self.left_out = frozenset()
        self._events.info("rules_loaded", account=self._account, rules=len(loaded.ruleset.rules), hash=self().hash[:12])

    async def reload(self) -> bool:
        """Load the rules again; on any error keep the old set, say so, and return False."""
        try:
            loaded = await asyncio.to_thread(self._load)
        except ConfigError as error:
            await self._refused((str(error), *error.findings))
            return False
        if loaded.ruleset is None:
            await self._refused(tuple(finding.render() for finding in loaded.findings))
            return False
        self._current = loaded.ruleset
        self.left_out = frozenset()
        self._events.info("rules_loaded", account=self._account, rules=len(loaded.ruleset.rules), hash=self().hash[:12])
        return True

    async def quarantine(self, rule_ids: tuple[str, ...]) -> None:
        """Leave rules out until the next reload: their pattern ran into its deadline."""
        for rule_id in rule_ids:
            text = f"The pattern of rule {rule_id} takes too long; the rule is off until you mend and reload it."
            key = f"quarantine:{self._account}:{rule_id}"
            await self._notifier.notify(Notice(key=key, text=text, account=self._account, urgent=True))
        self.left_out |= frozenset(rule_ids)

    def _load(self) -> LoadedRules:
        return load_rules(self._read())

    async def _refused(self, findings: tuple[str, ...]) -> None:
        first = findings[0].splitlines()[0] if findings else "no reason given"
        self._events.error(
            "rules_refused", account=self._account, findings=[f.splitlines()[0] for f in findings[:_SHOWN]]
        )
        text = f"Rules NOT loaded: {first} ({len(findings)} in all); still running the old ones."
        await self._notifier.notify(
            Notice(key=f"rules_refused:{self._account}", text=text, account=self._account, urgent=True)
        )
