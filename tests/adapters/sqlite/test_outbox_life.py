"""The outbox on its file: killed at any moment, it begins again with exactly what a plain dictionary says it should.

The rules and promises are those of ``tests/conversation/test_outbox.py``; here each commit goes to SQLite, and a crash
leaves the file and its write-ahead log as they lie on the disk at that moment.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.delivery import DeliveryEvent, advanced
from p2pbot.conversation.outbox import Outbox, Write, recovered
from p2pbot.conversation.records import Claim, ClaimResult, OutboxRow, OutboxState
from tests.conversation.test_outbox import LONGEST_LAG_MS, ORDERS, POLICY, OutboxLife, Shown, World
from tests.fakes.records import ACCOUNT, entry, reply
from tests.fakes.store import SwitchedLease

FLIGHTS = st.sampled_from([None, 0, 3_000, LONGEST_LAG_MS, LONGEST_LAG_MS])
_SPACING_MS = POLICY.order_spacing_ms
_FILES = ("state.db", "state.db-wal")  # the third, state.db-shm, is made anew


class Disk:
    """One database file, and the power switch."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory()
        self._life = 0
        self._store = self._opened()

    @property
    def _path(self) -> Path:
        return Path(self._directory.name) / str(self._life)

    def _opened(self) -> SqliteStore:
        self._path.mkdir(exist_ok=True)
        return self._runner.run(SqliteStore.open(self._path / _FILES[0], SwitchedLease()))

    def claim(self, claim: Claim) -> None:
        """Write a decision."""
        assert self._runner.run(self._store.claim(claim)) is ClaimResult.CLAIMED

    def advance(self, row: OutboxRow, expected: OutboxState) -> None:
        """Write a reply's next state."""
        assert self._runner.run(self._store.advance(row, expected))

    def pending(self) -> list[OutboxRow]:
        """Read what is not settled."""
        return list(self._runner.run(self._store.pending(ACCOUNT)))

    def kill(self) -> None:
        """Go on with the files as they are now; what the dying store does to its own comes too late."""
        before = self._path
        self._life += 1
        self._path.mkdir()
        for name in _FILES:
            if (before / name).exists():
                shutil.copyfile(before / name, self._path / name)
        self._runner.run(self._store.close())
        self._store = self._opened()

    def close(self) -> None:
        """Remove everything."""
        self._runner.run(self._store.close())
        self._runner.close()
        self._directory.cleanup()


@dataclass
class WorldOnDisk(World):
    """The world of the outbox, with a disk beside the dictionary."""

    disk: Disk = field(default_factory=Disk)

    def commit(self, before: OutboxRow, after: OutboxRow) -> None:
        """The disk first, then the dictionary and the outbox."""
        self.commit_unheard(before, after)
        self.outbox.put(after)

    def commit_unheard(self, before: OutboxRow, after: OutboxRow) -> None:
        """Commit what the process does not live to hear of."""
        assert self.stored[before.uuid].state is before.state
        self.disk.advance(after, before.state)
        self.stored[after.uuid] = after

    def crash(self) -> None:
        """Lose everything but the file; what it holds is what the dictionary holds."""
        self.disk.kill()
        rows = self.disk.pending()
        model = [row for row in self.stored.values() if not row.state.is_final]
        assert rows == sorted(model, key=lambda row: row.seq)
        self.outbox = Outbox(POLICY)
        doubtful = {row.uuid: row for row in recovered(rows, self.now_ms)}
        for row in rows:
            if row.uuid in doubtful:
                self.commit(row, doubtful[row.uuid])
            else:
                self.outbox.put(row)
        self.asked.clear()
        self.online = False


class OutboxLifeOnDisk(OutboxLife):
    """The same life, and the moments at which a process can die around a write."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.world: WorldOnDisk = WorldOnDisk(disk=self.disk)

    @rule(order_no=ORDERS, delay_ms=st.integers(0, 5_000), bubbles=st.integers(1, 3))
    def claim(self, order_no: str, delay_ms: int, bubbles: int) -> None:
        """A decision claims some replies in one transaction."""
        now_ms, rows = self.world.now_ms, list[OutboxRow]()
        for _ in range(bubbles):
            self.claims += 1
            row = replace(reply(f"u{self.claims}", order_no=order_no, at_ms=now_ms), not_before_ms=now_ms + delay_ms)
            rows.append(replace(row, seq=self.claims, expires_at_ms=row.not_before_ms + 120_000))
        self.disk.claim(Claim(entry=entry(f"m{self.claims}", order_no=order_no), replies=tuple(rows)))
        for row in rows:
            self.world.stored[row.uuid] = row
            self.world.outbox.put(row)

    @rule(lag_ms=FLIGHTS, left=st.booleans())
    def crash_around_a_write(self, lag_ms: int | None, *, left: bool) -> None:
        """The process dies between the commit of a write and its frame, or right after the frame has left."""
        step, _ = self.world.outbox.next_step(self.world.now_ms, online=self.world.online)
        if isinstance(step, Write):
            sending = advanced(step.row, DeliveryEvent.WRITE, self.world.now_ms)
            self.world.commit_unheard(step.row, sending)
            if left and lag_ms is not None:
                at_ms = self.world.real_ms
                self.world.shown.append(Shown(sending.uuid, sending.order_no, at_ms, at_ms + lag_ms))
        self.world.crash()

    @rule(lag_ms=FLIGHTS, gap=st.booleans(), early=st.booleans())
    def work(self, lag_ms: int | None, *, gap: bool, early: bool) -> None:
        """A stretch of a life, so that it gets far in few steps: perhaps a gap and an early look, then what is due."""
        if gap:
            self.connection_is_lost()
            self.world.open()
        for order_no in ("a", "b") if early else ():
            self.world.look(order_no, 0)
        for _ in range(8):
            while self.world.asked:
                self.world.look(*self.world.asked.popitem())
            if self.world.online and not self.world.act(lag_ms):
                _, wake_ms = self.world.outbox.next_step(self.world.now_ms, online=True)
                pause_ms = _SPACING_MS if wake_ms is None else min(wake_ms - self.world.now_ms, _SPACING_MS)
                self.world.real_ms += pause_ms

    def act(self) -> None:
        """No rule of its own here: ``work`` does it, and the small steps are tried without a disk."""

    def connection_opens(self) -> None:
        """No rule of its own here."""

    def look_that_was_asked_for(self) -> None:
        """No rule of its own here."""

    def look_that_somebody_else_asked_for(self) -> None:
        """No rule of its own here."""

    def clock_is_set_back(self) -> None:
        """No rule of its own here."""

    def teardown(self) -> None:
        """Let every reply come to its end, then remove the disk."""
        try:
            super().teardown()
        finally:
            self.disk.close()


TestOutboxLifeOnDisk = OutboxLifeOnDisk.TestCase
TestOutboxLifeOnDisk.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
