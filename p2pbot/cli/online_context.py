"""What ``p2pbot check --online`` asks of an account's futures and spot: the daemon's own loops, until all is read once.

Promise: nothing is placed or changed; a listenKey that is asked for is the account's own, and is not closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.secrets_source import AccountKeys
from p2pbot.app.context import open_feeders
from p2pbot.cli.findings import Checked, Grade
from p2pbot.cli.rules_show import counted
from p2pbot.config import Settings
from p2pbot.conversation.health import Status, number, part
from p2pbot.daemon.account_context import Feeder, SourceLoops
from p2pbot.daemon.surroundings import Doors
from p2pbot.model import Notice
from p2pbot.ports import Brake, Clock, Lease, PictureShelf, Rest, Store, Uploader, Wire
from p2pbot.protocol.user_data_events import AccountSnapshot, Source, UserDataEvent


@dataclass(slots=True)
class Look:
    """Takes what a source tells (``ports.AccountSink``) and what would be said of it, until it was read once."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    snapshot_: AccountSnapshot | None = None
    held: str = ""
    refused: str = ""

    def forget(self) -> None:
        """Begin anew, for the next source."""
        self.done.clear()
        self.snapshot_, self.refused = None, ""

    def gap_opened(self, source: Source, at_ms: int) -> None:
        """Wait on."""

    def snapshot(self, source: Source, snapshot: AccountSnapshot) -> None:
        """Keep it, and how it is told: counts, no amounts."""
        self.snapshot_ = snapshot
        assets = counted(sum(1 for amount in snapshot.balances.values() if amount), "asset")
        positions = f", {counted(len(snapshot.positions), 'open position')}"
        self.held = assets + (positions if source is Source.FUTURES else "")

    def event(self, source: Source, event: UserDataEvent) -> None:
        """Let it go."""

    def gap_closed(self, source: Source, at_ms: int) -> None:  # noqa: ARG002 - the sink's form
        """Learn that all is read."""
        self.done.set()

    async def notify(self, notice: Notice) -> None:
        """Learn that a person is needed: waiting on would not help."""
        self.refused = notice.text
        self.done.set()

    def info(self, event: str, **values: object) -> None:
        """Say nothing: the end is what counts."""

    def warning(self, event: str, **values: object) -> None:
        """Say nothing."""

    def error(self, event: str, **values: object) -> None:
        """Say nothing."""


async def ask_context(
    settings: Settings, keys: Mapping[str, AccountKeys], rests: Mapping[str, Rest], wire: Wire, clock: Clock
) -> AsyncIterator[Checked]:
    """Yield what futures and spot say of each account that has them switched on."""
    timings = settings.timings
    patience_s = timings.connect_timeout.s + 2 * timings.request_timeout.s
    looks = {name: Look() for name in rests}
    doors = {name: _doors(rest, wire, clock, looks[name]) for name, rest in rests.items()}
    async with open_feeders(settings, keys, doors) as feeders:
        for name, found in feeders.items():
            for source, feeder in found.items():
                looks[name].forget()
                yield await _ask(f"{name}, {source}", feeder, looks[name], clock, patience_s)


async def _ask(about: str, feeder: Feeder, look: Look, clock: Clock, patience_s: float) -> Checked:
    began_ms, loops = clock.now_ms(), feeder(look)
    async with _running(loops) as tasks:
        done = asyncio.create_task(look.done.wait())
        await asyncio.wait({done, *tasks}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        status, took_ms = dict(loops.status()), clock.now_ms() - began_ms
    if look.refused or look.snapshot_ is None:
        return Checked(Grade.FAILED, about, _trouble(status) or look.refused or "it cannot be read")
    return Checked(Grade.OK, about, f"read in {took_ms} ms: {look.held}", tuple(_details(status)))


@asynccontextmanager
async def _running(loops: SourceLoops) -> AsyncIterator[set[asyncio.Task[object]]]:
    """Run the loops until the block ends."""
    tasks: set[asyncio.Task[object]] = {asyncio.create_task(loop(), name=name) for name, loop in loops.loops.items()}
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _details(status: Status) -> list[str]:
    session, stream = part(status, "session"), part(status, "stream")
    lines = [f"the stream is {stream.get('state')}"]
    if stream.get("key_age_ms") is not None:
        lines.append("its listenKey is confirmed")
    if session:
        signed = "the session is logged on" if session.get("logged_on") is True else "the session signs each call"
        clock = f"its clock differs by {abs(int(number(session, 'offset_ms')))} ms"
        lines.append(f"{signed}, {clock}, weight used: {int(number(session, 'weight_used'))}")
    return lines


def _trouble(status: Status) -> str:
    """Return what the loops say is wrong, the session first: the stream asks by it."""
    found = (str(part(status, name).get("trouble") or "") for name in ("session", "stream"))
    return next(filter(None, found), "")


def _doors(rest: Rest, wire: Wire, clock: Clock, look: Look) -> Doors:
    """Return doors for loops that only ask: they have no store and nothing to send."""
    return Doors(
        rest=rest,
        wire=wire,
        clock=clock,
        rng=SystemRng(),
        events=look,
        notifier=look,
        store=cast("Store", None),
        lease=cast("Lease", None),
        brake=cast("Brake", None),
        uploader=cast("Uploader", None),
        shelf=cast("PictureShelf", None),
    )
