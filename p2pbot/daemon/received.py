"""Pictures that counterparties send: looked at when a rule asks, kept when the archive is on.

Promise: it never harms the chat. Fetching is bounded in time, bytes and number at once; a picture that cannot be had
makes the rules' conditions unknown, and is told to the operator once until one can be had again. Without a rule that
asks and without an archive nothing is fetched.
Danger: the archive is as complete as the network lets it be; ``p2pbot images`` fetches what is missing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import NoReturn, TypeVar

from p2pbot.conversation.decision import message_key
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import NetworkError, OurError, P2pbotError, RequestRefused, StateError
from p2pbot.model import ChatMessage, Notice, Topic
from p2pbot.ports import PictureArchive, PictureSource
from p2pbot.protocol.picture_names import picture_name
from p2pbot.protocol.pictures import PictureFacts, read_picture

MAX_PICTURE_BYTES = 20 * 1024 * 1024  # twice what phones make
_AT_ONCE = 2  # so many are in memory
_PATIENCE_S = 10.0  # an answer waits so long for a picture; the exchange's page shows it sooner
_AFTER_RULES_S = 15.0  # the archive's turn, when rules look at a picture first
_WAITING = 1_000  # messages for the archive: a busy day's pictures
_KNOWN = 500  # pictures whose facts are remembered: a message is decided soon after it came, or never
_PAUSES_S = (5.0, 30.0)  # before the second and the third attempt to archive
_DAY_S = 86_400.0
_LONGEST_TIDY_S = 900.0  # tens of thousands of files on a slow disk

Known = Mapping[str, str | bool | int]
V = TypeVar("V")


class ReceivedPictures:
    """For one account. ``asked``: whether any of its rules asks what pictures are."""

    def __init__(self, plan: AccountPlan, doors: Doors, asked: Callable[[], bool]) -> None:
        self._plan = plan
        self._doors = doors
        self._asked = asked
        self._queue: asyncio.Queue[tuple[float, ChatMessage]] = asyncio.Queue(_WAITING)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._known: OrderedDict[tuple[str, str], PictureFacts] = OrderedDict()
        self._noted: OrderedDict[tuple[str, str], bool] = OrderedDict()
        self._failing = False

    def note(self, message: ChatMessage) -> None:
        """Put a counterparty's picture on the list for the archive; returns at once."""
        if self._doors.archive is None or message.image is None or message.from_us is not False:
            return
        key = (message.order_no, message_key(message))
        if key in self._noted:
            return
        if self._queue.full():
            self._doors.events.warning("archive_full", account=self._plan.name, waiting=self._queue.qsize())
            return
        _remember(self._noted, key, True, _WAITING * 2)  # noqa: FBT003 - a set that keeps its order
        # A rule that asks has it fetched, and then it is kept already when its turn comes here.
        turn_s = self._doors.clock.monotonic_s() + (_AFTER_RULES_S if self._asked() else 0.0)
        self._queue.put_nowait((turn_s, message))

    async def look(self, message: ChatMessage) -> Known:
        """Return what a picture is, for rules; nothing if no rule asks or it cannot be had soon."""
        if self._doors.pictures is None or message.image is None or not self._asked():
            return {}
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return (await self._facts(message, self._doors.pictures)).for_rules()
        except (TimeoutError, P2pbotError) as error:
            if isinstance(error, OurError):
                raise
            self._doors.events.warning("picture_unknown", account=self._plan.name, order=message.order_no)
            return {}

    def loops(self) -> tuple[tuple[str, Coroutine[object, object, NoReturn]], ...]:
        """Return the archive's loops with their names; none when it is off."""
        if self._doors.archive is None or self._doors.pictures is None:
            return ()
        archive, source = self._doors.archive, self._doors.pictures
        return ("received pictures", self._run(archive, source)), ("picture archive", self._tidy(archive))

    async def _run(self, archive: PictureArchive, source: PictureSource) -> NoReturn:
        """Archive what was noted, one after the other."""
        while True:
            self._doors.progress.rest()
            turn_s, message = await self._queue.get()
            self._doors.progress.step()
            delay_s = turn_s - self._doors.clock.monotonic_s()
            if delay_s > 0:
                await self._doors.clock.sleep(delay_s)
            await self._archived(message, archive, source)

    async def _tidy(self, archive: PictureArchive) -> NoReturn:
        """Have the archive forget what is too old, once a day."""
        while True:
            self._doors.progress.step(_LONGEST_TIDY_S)
            try:
                forgotten = await archive.prune(self._doors.clock.now_ms())
            except StateError as error:
                await self._tell(error)
            else:
                if forgotten:
                    self._doors.events.info("pictures_forgotten", account=self._plan.name, pictures=forgotten)
            await self._doors.clock.sleep(_DAY_S)

    async def _archived(self, message: ChatMessage, archive: PictureArchive, source: PictureSource) -> None:
        """Fetch and keep a picture, with a few attempts; what cannot be is told."""
        for pause_s in (*_PAUSES_S, None):
            try:
                if not await archive.has(message.order_no, picture_name(message)):
                    self._doors.progress.rest()  # whoever has a slot has its own word to keep
                    async with self._slots:
                        self._doors.progress.step()
                        _, data = await self._fetch(message, source)
                        await archive.keep(message.order_no, picture_name(message), data)
            except OurError:
                raise
            except P2pbotError as error:
                if pause_s is None or isinstance(error, RequestRefused | StateError):
                    await self._tell(error)
                    return
                await self._doors.clock.sleep(pause_s)
            else:
                self._failing = False
                return

    async def _facts(self, message: ChatMessage, source: PictureSource) -> PictureFacts:
        """Return what a picture is; one that was fetched for a rule need not be fetched for the archive."""
        known = self._known.get((message.order_no, message_key(message)))
        if known is not None:
            return known
        self._doors.progress.rest()
        async with self._slots:
            self._doors.progress.step()
            facts, data = await self._fetch(message, source)
            if self._doors.archive is not None:
                with suppress(StateError):  # the archive's own attempt will tell; the rules must know all the same
                    await self._doors.archive.keep(message.order_no, picture_name(message), data)
        return facts

    async def _fetch(self, message: ChatMessage, source: PictureSource) -> tuple[PictureFacts, bytes]:
        """Fetch a picture and read it, in a thread, for it may be large."""
        if message.image is None:
            raise RequestRefused("the message has no picture")
        found = await source.fetch(message.image.image_url, MAX_PICTURE_BYTES)
        declared = message.image.declared_type
        facts = await asyncio.to_thread(read_picture, found.data, declared, found.content_type)
        _remember(self._known, (message.order_no, message_key(message)), facts, _KNOWN)
        return facts, found.data

    async def _tell(self, error: P2pbotError) -> None:
        """Log each failure; tell the operator of the first one until a picture is kept again."""
        name = self._plan.name
        self._doors.events.warning("picture_not_kept", account=name, what=error.what)
        if not self._failing:
            self._failing = True
            network = isinstance(error, NetworkError)
            advice = "p2pbot images ORDER fetches it later" if network else "further failures are in the log"
            text = f"A counterparty's picture could not be archived: {error.what}; {advice}."
            topic = Topic.DISK if isinstance(error, StateError) else Topic.OTHER
            await self._doors.notifier.notify(Notice(key=f"archive:{name}", text=text, account=name, topic=topic))


def _remember(known: OrderedDict[tuple[str, str], V], key: tuple[str, str], value: V, most: int) -> None:
    """Add to a bounded memory; the oldest is forgotten."""
    known[key] = value
    while len(known) > most:
        known.popitem(last=False)
