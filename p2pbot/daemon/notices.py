"""Words to the operator on their way: to the log at once, and to each service when its box says so.

Promise: handing a word over takes no time and never fails. Each service has a loop and a box of its own, so that one
that is down or hangs holds up no other, and nothing of the chat.
Danger: what still waits when the process ends stands in the log alone; ``flush`` gives it a last, short chance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn, Protocol

from p2pbot.conversation.notices import Message, NoticeBox, NoticePolicy
from p2pbot.daemon.progress import Progress
from p2pbot.model import Notice
from p2pbot.ports import Clock, Events, Notifier, Rng

_LOOK_S = 60.0  # a wall clock that was set back must not make words wait longer than this


class Messenger(Protocol):
    """One service by which the operator is reached."""

    @property
    def name(self) -> str:
        """Return the merchant's word for it."""
        ...

    @property
    def longest_s(self) -> float:
        """Return how long a send may last."""
        ...

    async def send(self, message: Message) -> str:
        """Send; return '' when the service has taken it, else why not. Returns within its deadline, never raises."""
        ...


class Courier:
    """Carries words to one service."""

    def __init__(
        self,
        messenger: Messenger,
        policy: NoticePolicy,
        clock: Clock,
        rng: Rng,
        events: Events,
        progress: Progress,
    ) -> None:
        self._messenger = messenger
        self._box = NoticeBox(policy)
        self._clock = clock
        self._rng = rng
        self._events = events
        self._progress = progress
        self._wake = asyncio.Event()
        self._dropped = 0
        self._sending = asyncio.Lock()

    @property
    def name(self) -> str:
        """Return the service's name."""
        return self._messenger.name

    def take(self, notice: Notice) -> None:
        """Put a word into the box; the loop sends it."""
        self._box.take(notice, self._clock.now_ms())
        self._wake.set()

    async def run(self) -> NoReturn:
        """Send for ever."""
        while True:
            self._wake.clear()
            await self.send_due()
            await self._nap()

    async def send_due(self) -> None:
        """Send what may leave now, message by message."""
        async with self._sending:
            while (message := self._box.compose(self._clock.now_ms())) is not None:
                await self._send(message)
            self._say_dropped()

    async def _send(self, message: Message) -> None:
        """Send one message. What is under way when the daemon is told to end waits again, for ``flush``."""
        self._progress.step(self._messenger.longest_s)
        try:
            why = await self._messenger.send(message)
        except asyncio.CancelledError:
            self._box.interrupted()
            raise
        if why:
            self._box.failed(self._clock.now_ms(), self._rng)
            self._events.warning("notice_failed", service=self.name, why=why, waiting=self._box.waiting)
        else:
            self._box.delivered(self._clock.now_ms())
            self._events.info("notice_sent", service=self.name, words=message.words)

    def _say_dropped(self) -> None:
        if self._box.dropped > self._dropped:
            self._events.warning("notice_dropped", service=self.name, words=self._box.dropped - self._dropped)
            self._dropped = self._box.dropped

    async def _nap(self) -> None:
        wake_ms = self._box.wake_ms(self._clock.now_ms())
        delay_s = _LOOK_S if wake_ms is None else (wake_ms - self._clock.now_ms()) / 1000
        delay_s = min(_LOOK_S, max(0.001, delay_s))
        self._progress.step(delay_s)
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return


class Post:
    """``ports.Notifier`` that tells the log, and hands each word to every courier."""

    def __init__(self, log: Notifier) -> None:
        self._log = log
        self.couriers: tuple[Courier, ...] = ()

    def hire(self, couriers: Sequence[Courier]) -> None:
        """Have these carry every word from now on."""
        self.couriers = tuple(couriers)

    async def notify(self, notice: Notice) -> None:
        """Tell the log, and put the word into every box."""
        await self._log.notify(notice)
        for courier in self.couriers:
            courier.take(notice)

    async def flush(self, budget_s: float) -> None:
        """Give what waits one more chance, within ``budget_s`` seconds."""
        tries = [asyncio.ensure_future(courier.send_due()) for courier in self.couriers]
        if not tries:
            return
        _, late = await asyncio.wait(tries, timeout=budget_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
