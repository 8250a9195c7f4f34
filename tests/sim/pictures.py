"""Uploads over the simulated network, and the pictures that the simulated rules have.

Promise: the answer's meaning is judged by the real ``protocol.uploads``; the place's, signature and expiry by the
sandbox's own store. An upload that was lost on its way back has still happened.
"""

from __future__ import annotations

import asyncio
import hashlib

from p2pbot.errors import ConnectionLost, TimedOut
from p2pbot.model import Picture, PictureKind
from p2pbot.protocol.uploads import judge_answer
from p2pbot.secret import Secret
from tests.sim.life import Life
from tests.sim.weather import Fate

_TIMEOUT_S = 30.0
BYTES = b"SIMULATED picture"
QR = Picture(
    name="images/qr.png", sha256=hashlib.sha256(BYTES).hexdigest(), kind=PictureKind.PNG, width=210, height=190
)


class SimShelf:
    """``ports.PictureShelf`` that has the one picture."""

    async def take(self, picture: Picture) -> bytes | None:
        """Return its bytes."""
        return BYTES if picture.sha256 == QR.sha256 else None


class SimUploader:
    """``ports.Uploader`` for one life."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._universe = life.universe

    async def put(self, url: Secret, picture: Picture, data: bytes) -> None:
        """Carry one upload to the exchange and its answer back."""
        self._life.point("upload.put")
        weather, timeline = self._universe.weather, self._universe.timeline
        answered: asyncio.Future[int] = self._universe.loop.create_future()
        fate = weather.fate()
        if fate not in (Fate.LOST_BEFORE, Fate.SILENT_BEFORE):
            timeline.after(weather.trip_s(), lambda: self._arrive(url.reveal(), picture, data, fate, answered))
        elif fate is Fate.LOST_BEFORE:
            timeline.after(weather.trip_s(), lambda: _give(answered, 0))
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status = await answered
        except TimeoutError:
            raise TimedOut("a simulated upload was not answered") from None
        self._life.point("upload.answered")
        if not status:
            raise ConnectionLost("a simulated upload broke off")
        judge_answer(status, b"", "simulated.invalid:443")

    def _arrive(self, url: str, picture: Picture, data: bytes, fate: Fate, answered: asyncio.Future[int]) -> None:
        universe = self._universe
        if answered.done() or self._life.dead:
            return  # the client hung up
        place, _, query = url.partition("/upload/")[2].partition("?")
        headers = {"content-type": picture.kind.mime}
        status = universe.do(lambda now_ms: universe.world.put_picture(place, query, headers, data, now_ms))
        universe.trace.say(f"upload {status} {fate}")
        if fate is not Fate.SILENT_AFTER:
            given = 0 if fate is Fate.LOST_AFTER else status
            universe.timeline.after(universe.weather.trip_s(), lambda: _give(answered, given))


def _give(answered: asyncio.Future[int], status: int) -> None:
    if not answered.done():
        answered.set_result(status)
