"""Runs seeds: one run is one world from its first order to the last reply's end.

``python -m tests.sim --seeds 0:20000`` runs many and prints the count; ``--seed 7 --trace`` replays one with its whole
record.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.sim.climate import Climate, climate_of
from tests.sim.deeds import Deed, Deeds
from tests.sim.host import Host
from tests.sim.judge import Judge
from tests.sim.plan import schedule
from tests.sim.talk import Ledger
from tests.sim.timeline import StandStill
from tests.sim.universe import Universe, Violation
from tests.sim.verdict import Verdict

_PATIENCE_S = 600.0  # after the faults have ended
_LINGER_S = 40.0  # after everything is settled: a copy that comes late must still show
_LOOK_S = 10.0


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    climate: Climate
    violations: tuple[Violation, ...]
    digest: str
    lines: tuple[str, ...]
    plan: tuple[Deed, ...]
    excused: Counter[str]
    counts: Counter[str]

    def report(self) -> str:
        """Return what went wrong, in a few lines, with the command that shows all of it."""
        found = "\n".join(f"  {one.at_s:9.2f} s  {one.checker}: {one.what}" for one in self.violations[:5])
        return (
            f"seed {self.climate.seed} ({self.climate}):\n{found}\n"
            f"  replay: .venv/bin/python -m tests.sim --seed {self.climate.seed} --trace"
        )


class Run:
    """One run."""

    def __init__(self, climate: Climate, plan: list[Deed] | None = None, *, keep_trace: bool = False) -> None:
        self.universe = Universe(climate, keep_trace=keep_trace)
        self.ledger = Ledger()
        self.judge = Judge(self.universe, self.ledger)
        self.host = Host(self.universe, self.judge)
        self.verdict = Verdict(self.universe, self.judge)
        self._plan = schedule(climate) if plan is None else plan
        self._settled_s: float | None = None

    def outcome(self) -> Outcome:
        """Let it happen and return what came of it."""
        universe = self.universe
        universe.loop.set_exception_handler(lambda _, context: universe.blame("exception", str(context)))
        deeds = Deeds(universe, self.host, self.ledger)
        for deed in self._plan:
            universe.timeline.at(deed.at_s, lambda deed=deed: deeds.do(deed))  # type: ignore[misc]
        universe.timeline.at(0.0, self.host.start)
        universe.timeline.at(_LOOK_S, self._look)
        try:
            universe.loop.run_forever()
        except StandStill as stuck:
            universe.blame("tight_loop", str(stuck))
        finally:
            self._clear()
        return Outcome(
            climate=universe.climate,
            violations=tuple(universe.violations),
            digest=universe.trace.digest(),
            lines=tuple(universe.trace.lines),
            plan=tuple(self._plan),
            excused=self.judge.excused,
            counts=self._counts(),
        )

    def _look(self) -> None:
        """Look at the bounds, and whether it is over."""
        self.judge.look(self.host.accounts)
        now_s, ended_s = self.universe.timeline.now_s, self.ledger.faults_ended_s
        if ended_s is not None and now_s > ended_s + 10:
            settled = self.verdict.settled()
            self._settled_s = (self._settled_s or now_s) if settled else None
            late = now_s > ended_s + _PATIENCE_S
            if late or (self._settled_s is not None and now_s > self._settled_s + _LINGER_S):
                self._finish()
                return
        self.universe.timeline.after(_LOOK_S, self._look)

    def _finish(self) -> None:
        for what in self.verdict.open_ends():
            self.universe.blame("liveness", what)
        self.verdict.judge()
        self.host.stopped = True
        self.host.stop()
        self.universe.timeline.after(20.0, self._close)

    def _close(self) -> None:
        left = [task.get_name() for task in self.universe.loop.tasks]
        if left:
            self.universe.blame("tasks", f"left after a polite end: {left[:10]}")
        for name in self.universe.names:
            if self.universe.world.live_sockets(name) and self.universe.climate.bye_on_second:
                self.universe.blame("tasks", f"a socket of {name} is left open")
        self.universe.loop.stop()

    def _clear(self) -> None:
        """End what is left, so that no coroutine complains when it is forgotten."""
        universe = self.universe
        universe.loop.set_exception_handler(lambda *_: None)
        self.host.stopped = True
        if self.host.life is not None:
            self.host.life.end()
        for _ in range(100):
            if not universe.loop.tasks:
                break
            for task in tuple(universe.loop.tasks):
                task.cancel()
            universe.loop.call_soon(universe.loop.stop)
            universe.loop.run_forever()
        universe.loop.close()

    def _counts(self) -> Counter[str]:
        counts = Counter(f"inbox {d.entry.reason}" for chat in self.judge.plate.disk.inbox.values() for d in chat)
        counts += Counter(f"outbox {row.state} {row.reason}" for row in self.judge.plate.disk.outbox.values())
        kind = "wild" if self.universe.climate.wild else "tame"
        counts.update({f"excused {name} in {kind} worlds": times for name, times in self.judge.excused.items()})
        counts["lives"] = self.host.lives
        counts["said"] = len(self.ledger.said)
        counts["connects"] = sum(len(self.universe.world.connects(name)) for name in self.universe.names)
        return counts


def run_seed(seed: int, *, keep_trace: bool = False) -> Outcome:
    """Run one seed."""
    return Run(climate_of(seed), keep_trace=keep_trace).outcome()
