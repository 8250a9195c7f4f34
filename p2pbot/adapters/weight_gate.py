"""Keeps calls below the weight that the exchange allows an address in a minute, and remembers its call for silence.

Promise: the WebSocket session and the REST door of one interface that share this gate spend one budget: in no minute
more than its share. It is a ``RateGate`` too, so that the REST door takes it as it is.
Danger: one gate for futures, another for spot: the exchange counts them apart.
Why these numbers: ``protocol.weights``.
"""

from __future__ import annotations

import asyncio

from p2pbot.adapters.rate_gate import RateGate
from p2pbot.ports import Clock
from p2pbot.protocol.weights import FUTURES_WEIGHTS, Weights


class WeightGate(RateGate):
    """Open until ``shut``, and then for as much weight as the minute has left (``daemon.ws_link.WeightGate``)."""

    def __init__(self, clock: Clock, weights: Weights = FUTURES_WEIGHTS) -> None:
        super().__init__(clock)
        self._weights = weights
        self._order = asyncio.Lock()

    @property
    def weight_used(self) -> int:
        """What is spent of the running minute, by us or by the exchange's count if that is more."""
        return self._weights.used(self._steady_ms())

    async def turn(self, weight: int = 1) -> None:
        """Wait until a call of ``weight`` may leave; who asks first goes first. Raises RateLimited."""
        self.check()
        async with self._order:
            while wait_ms := self._weights.wait_ms(weight, self._steady_ms()):
                await self._clock.sleep(wait_ms / 1000)
            self._weights = self._weights.spend(weight, self._steady_ms())
        await super().turn()

    def counted(self, used: int, limit: int = 0) -> None:
        """Learn what the exchange has counted of this address in its running minute; ``limit`` 0: as it was."""
        self._weights = self._weights.counted(used, limit, self._steady_ms())

    def _steady_ms(self) -> int:
        return int(self._clock.monotonic_s() * 1000)
