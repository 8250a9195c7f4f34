"""Doors that say for the loop that uses them how long it will wait at most.

Promise: waiting on the outside world is progress only within the door's own deadline. An exchange that is away for a
night breaks no loop's word; a door that never answers does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from p2pbot.daemon.progress import Progress
from p2pbot.daemon.surroundings import Doors
from p2pbot.model import Picture
from p2pbot.ports import Clock, Connection, PictureSource, Rest, Uploader, Wire
from p2pbot.protocol.pictures import FetchedPicture
from p2pbot.protocol.rest import RestCall
from p2pbot.secret import Secret

T = TypeVar("T")


class WatchedClock:
    """A clock (``ports.Clock``) in whose sleeps nobody is late."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return self._clock.now_ms()

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards and stand still during suspend."""
        return self._clock.monotonic_s()

    def boottime_s(self) -> float:
        """Return seconds that never run backwards and count suspend too."""
        return self._clock.boottime_s()

    def computed_s(self) -> float:
        """Return seconds that this thread has computed."""
        return self._clock.computed_s()

    async def sleep(self, delay_s: float) -> None:
        """Wait, as was promised."""
        self._progress.step(delay_s)
        await self._clock.sleep(delay_s)
        self._progress.step()


class WatchedRest:
    """The exchange's REST interface (``ports.Rest``); no call lasts longer than ``longest_s``."""

    def __init__(self, rest: Rest, progress: Progress, longest_s: float) -> None:
        self._rest = rest
        self._progress = progress
        self._longest_s = longest_s

    @property
    def clock_offset_ms(self) -> int | None:
        """Exchange time minus our clock, in ms; None until it is learnt."""
        return self._rest.clock_offset_ms

    async def call(self, request: RestCall[T]) -> T:
        """Return the call's parsed answer. Raises what the door raises."""
        self._progress.step(self._longest_s)
        try:
            return await self._rest.call(request)
        finally:
            self._progress.step()


class WatchedWire:
    """Opens WebSockets (``ports.Wire``) within ``longest_s``."""

    def __init__(self, wire: Wire, progress: Progress, longest_s: float) -> None:
        self._wire = wire
        self._progress = progress
        self._longest_s = longest_s

    async def connect(self, url: Secret) -> Connection:
        """Open ``url``. Raises what the door raises."""
        self._progress.step(self._longest_s)
        try:
            return await self._wire.connect(url)
        finally:
            self._progress.step()


class WatchedUploader:
    """Uploads pictures (``ports.Uploader``), each within ``longest_s``."""

    def __init__(self, uploader: Uploader, progress: Progress, longest_s: float) -> None:
        self._uploader = uploader
        self._progress = progress
        self._longest_s = longest_s

    async def put(self, url: Secret, picture: Picture, data: bytes) -> None:
        """Upload ``data``. Raises what the door raises."""
        self._progress.step(self._longest_s)
        try:
            await self._uploader.put(url, picture, data)
        finally:
            self._progress.step()


class WatchedSource:
    """Fetches the pictures of a chat (``ports.PictureSource``), each within ``longest_s``."""

    def __init__(self, source: PictureSource, progress: Progress, longest_s: float) -> None:
        self._source = source
        self._progress = progress
        self._longest_s = longest_s

    async def fetch(self, address: str, most_bytes: int) -> FetchedPicture:
        """Return the picture at ``address``. Raises what the door raises."""
        self._progress.step(self._longest_s)
        try:
            return await self._source.fetch(address, most_bytes)
        finally:
            self._progress.step()


def watched(
    doors: Doors, progress: Progress, *, call_s: float, connect_s: float, upload_s: float, fetch_s: float
) -> Doors:
    """Return doors that speak for who uses them; the numbers are the doors' own longest times."""
    return replace(
        doors,
        clock=WatchedClock(doors.clock, progress),
        rest=WatchedRest(doors.rest, progress, call_s),
        wire=WatchedWire(doors.wire, progress, connect_s),
        pictures=doors.pictures and WatchedSource(doors.pictures, progress, fetch_s),
        uploader=WatchedUploader(doors.uploader, progress, upload_s),
        progress=progress,
    )
