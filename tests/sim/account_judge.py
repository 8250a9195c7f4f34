"""Who listens to the account's streams in a simulated world, and measures how long they were deaf.

Promise: a change of a holding that the facts do not show although they claim to be known is deafness; it is measured
in the machine's own time, for while it sleeps nobody asks. Each change has a number, so that "is it known" is exact.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from p2pbot.conversation.account_facts import AccountFacts
from p2pbot.protocol.user_data_events import AccountSnapshot, Source, UserDataEvent
from tests.sim.universe import Universe

# What is promised. docs/connections.md says where each number comes from.
LONGEST_DEAF_S = 27 * 60.0  # a key that died in silence: the next keepalive, and its retries
LONGEST_UNASKED_S = 61 * 60.0  # if nobody answers about keys meanwhile: one that was not confirmed for an hour is dead
LONGEST_DOWN_S = 5 * 60.0  # after the exchange can be reached again
LONGEST_REFUSED_S = 35 * 60.0  # after a key is in force again: the session's slow pause, then the stream's
MOST_TASKS = 30
MOST_LINKS = 3  # of one kind: the old one, the new one, and one that the exchange has not missed yet
MOST_CONNECTS = 75  # in five minutes: what the composition root leaves to the account's context
ASSET = "USDT"
_RETRY_S = 120.0  # the longest pause of retries, and the question itself


@dataclass
class Ear:
    """One source: which change was told last, which are not known though the facts claim to be."""

    told: int = 0
    gap_since_s: float | None = 0.0
    pending: deque[tuple[int, float]] = field(default_factory=deque)
    made_ms: list[int] = field(default_factory=lambda: [0])  # when each change was made, by its number
    longest_deaf_s: float = 0.0
    longest_down_s: float = 0.0
    gaps: int = 0


class Listening:
    """``ports.AccountSink``: the real facts, with a stop watch beside them."""

    def __init__(self, universe: Universe, sources: tuple[Source, ...]) -> None:
        self._universe = universe
        self.facts = AccountFacts(sources)
        self.ears = {source: Ear() for source in sources}
        self.clear_since_s = 0.0
        self.refused_until_s = -LONGEST_REFUSED_S  # never yet

    # What the exchange did

    def changed(self, source: Source, number: int) -> None:
        """Note that a holding changed now."""
        self.ears[source].pending.append((number, self._loop_s()))
        self.ears[source].made_ms.append(self._universe.now_ms())

    def troubled(self, for_s: float) -> None:
        """Note that the exchange cannot be reached for so long."""
        self.clear_since_s = max(self.clear_since_s, self._loop_s() + for_s)

    def refused(self, for_s: float) -> None:
        """Note that the key is not in force for so long."""
        self.troubled(for_s)
        self.refused_until_s = max(self.refused_until_s, self._loop_s() + for_s)

    # AccountSink

    def gap_opened(self, source: Source, at_ms: int) -> None:
        """Stop being deaf: from here on it is said that nothing is known."""
        self.facts.gap_opened(source, at_ms)
        ear = self.ears[source]
        if ear.gap_since_s is None:
            self._measure(source)
            ear.gap_since_s = self._loop_s()
            ear.gaps += 1

    def snapshot(self, source: Source, snapshot: AccountSnapshot) -> None:
        """Take the whole account."""
        self.facts.snapshot(source, snapshot)
        self._heard(source, snapshot.balances.get(ASSET))

    def event(self, source: Source, event: UserDataEvent) -> None:
        """Take one event."""
        self.facts.event(source, event)
        self._heard(source, self.facts._told[source].balances.get(ASSET))

    def gap_closed(self, source: Source, at_ms: int) -> None:
        """Claim to know everything from now on."""
        self.facts.gap_closed(source, at_ms)
        ear, now_s = self.ears[source], self._loop_s()
        if ear.gap_since_s is not None:
            ear.longest_down_s = max(ear.longest_down_s, now_s - max(ear.gap_since_s, self.clear_since_s))
        ear.gap_since_s = None
        ear.pending = deque((number, now_s) for number, _ in ear.pending)

    # The promises

    def look(self) -> None:
        """Blame what is overdue."""
        for source, ear in self.ears.items():
            self._look_at(source, ear)

    def _look_at(self, source: Source, ear: Ear) -> None:
        now_s = self._loop_s()
        if ear.gap_since_s is None:
            self._measure(source)
            return
        began_s = max(ear.gap_since_s, self.clear_since_s)
        ear.longest_down_s = max(ear.longest_down_s, now_s - began_s)
        until_s = max(began_s + LONGEST_DOWN_S, self.refused_until_s + LONGEST_REFUSED_S)
        if now_s > until_s:
            self._universe.blame("down", f"{source}: {now_s - began_s:.0f} s after nothing was in the way any more")

    def _heard(self, source: Source, amount: Decimal | None) -> None:
        ear = self.ears[source]
        number = int(amount or 0)
        if number < ear.told and ear.made_ms[number] < ear.made_ms[ear.told]:  # of one millisecond, who knows
            self._universe.blame("backwards", f"{source}: {number} was told after {ear.told}")
        ear.told = max(ear.told, number)
        if ear.gap_since_s is None:
            self._measure(source)
        while ear.pending and ear.pending[0][0] <= ear.told:
            ear.pending.popleft()

    def _measure(self, source: Source) -> None:
        """Measure the oldest change that is not known, and blame what is longer than was promised."""
        ear, now_s = self.ears[source], self._loop_s()
        if not ear.pending:
            return
        began_s = ear.pending[0][1]
        ear.longest_deaf_s = max(ear.longest_deaf_s, now_s - began_s)
        answered_s = self.clear_since_s + _RETRY_S - began_s  # when questions about keys were answered again
        allowed_s = max(LONGEST_DEAF_S, min(answered_s, LONGEST_UNASKED_S))
        if now_s - began_s > allowed_s:
            self._universe.blame("deaf", f"{source}: {now_s - began_s:.0f} s, and said to know")

    def _loop_s(self) -> float:
        return self._universe.loop.time()
