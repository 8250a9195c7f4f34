"""Keeps requests below the exchange's limits, and remembers that it asked for silence.

Promise: in no minute do more requests leave than ``ALL_CALLS`` allows, nor more calls for which nobody waits than
``PATIENT_CALLS`` does; one answer 429 or 418 stops every call that shares the gate, at once and without a request.
Danger: the exchange counts by address, not by key. Accounts of one machine should share one gate: requests during a
ban make it longer.
Why these numbers: docs/catch-up.md.
"""

from __future__ import annotations

from p2pbot.conversation.pace import Pace
from p2pbot.errors import RateLimited
from p2pbot.ports import Clock

ALL_CALLS = Pace(burst=300, per_s=15.0)  # at most 1,200 requests in any minute
PATIENT_CALLS = Pace(burst=100, per_s=5.0)  # at most 400 of them to catch up


class RateGate:
    """Open until ``shut``; then closed for as long as the exchange asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all, self._patient = ALL_CALLS, PATIENT_CALLS
        self._until_s = 0.0
        self._cause: RateLimited | None = None

    def check(self) -> None:
        """Return when requests may be sent, else raise RateLimited with the seconds that are left."""
        left_s = self._until_s - self._clock.boottime_s()
        if self._cause is None or left_s <= 0:
            return
        raise RateLimited(
            f"nothing is sent for another {left_s:.0f} s: the exchange asked for it",
            retry_after_s=left_s,
            banned=self._cause.banned,
            code=self._cause.code,
            status=self._cause.status,
        )

    async def turn(self, weight: int = 1) -> None:  # noqa: ARG002 - for gates that count it
        """Wait until a request may leave; who asks first goes first. Raises RateLimited.

        Here each request counts as one, whatever its ``weight``: the chat's calls all weigh little.
        """
        wait_s, self._all = self._all.reserved(self._clock.monotonic_s())
        if wait_s:
            await self._clock.sleep(wait_s)
        self.check()

    async def patience(self) -> None:
        """Wait until a call may be made for which nobody waits, so that the others find the pace unspent."""
        wait_s, self._patient = self._patient.reserved(self._clock.monotonic_s())
        if wait_s:
            await self._clock.sleep(wait_s)

    def counted(self, used: int, limit: int = 0) -> None:
        """Learn what the exchange has counted: no matter here, for gates that count weight."""

    def shut(self, cause: RateLimited) -> None:
        """Close the gate; of several causes the one that lasts longest counts."""
        until_s = self._clock.boottime_s() + cause.retry_after_s
        if until_s > self._until_s:
            self._until_s, self._cause = until_s, cause
