"""One connection of the WebSocket API: requests go out, answers find who asked, events go on to who listens.

Promise: whoever asks gets an answer, a refusal or one of our errors within his deadline, whatever the peer does; when
the connection ends, everybody who waits learns it at once. Nothing is kept for a connection to come.
Danger: answers and events come by one reader: ``on_push`` must not wait, or answers wait behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

from p2pbot.errors import ConnectionLost, P2pbotError, RateLimited, TimedOut
from p2pbot.ports import Clock, Connection
from p2pbot.protocol.ws_call import T, WsCall
from p2pbot.protocol.ws_frames import (
    Answered,
    PushedEvent,
    Refused,
    Revoked,
    ServerShutdown,
    UnknownFrame,
    WsFrame,
    read_ws_frame,
    ws_refusal,
)
from p2pbot.protocol.ws_requests import Requests

Push: TypeAlias = PushedEvent | ServerShutdown | UnknownFrame
_Reply: TypeAlias = Answered | Refused | Revoked | ConnectionLost


class WeightGate(Protocol):
    """What one address may still ask of one interface of the exchange: shared by all that asks there."""

    @property
    def weight_used(self) -> int:
        """What is spent of the running minute: by us, or by the exchange's count of the address if that is more."""
        ...

    async def turn(self, weight: int = 1) -> None:
        """Wait until a call of ``weight`` may leave, and count it. Raises RateLimited."""
        ...

    def counted(self, used: int, limit: int) -> None:
        """Learn what the exchange has counted."""
        ...

    def shut(self, cause: RateLimited) -> None:
        """Let nothing pass for as long as the exchange asked."""
        ...


class WsLink:
    """One open connection. ``end``: why it is over, None while it is not."""

    def __init__(
        self,
        connection: Connection,
        gate: WeightGate,
        clock: Clock,
        on_push: Callable[[WsLink, Push], None],
        on_end: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._gate = gate
        self._clock = clock
        self._on_push = on_push
        self._on_end = on_end
        self._requests = Requests()
        self._waiting: dict[int, asyncio.Future[_Reply]] = {}
        self._verdict: P2pbotError | None = None
        self.logged_on = False
        self.end: P2pbotError | None = None

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answers."""
        return len(self._waiting)

    async def ask(self, call: WsCall[T], write: Callable[[int], str], timeout_s: float) -> T:
        """Send what ``write`` makes of a request id and return the call's parsed result.

        Raises what the exchange's refusal is, ConnectionLost, TimedOut, AnswerMalformed.
        """
        if self.end is not None:
            raise ConnectionLost("the session's connection is over")
        request_id, self._requests = self._requests.asked(call.method)
        reply: asyncio.Future[_Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = reply
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.send(write(request_id))
                said = await reply
        except TimeoutError:
            raise TimedOut(f"{call.method} was not answered within {timeout_s:.0f} s") from None
        finally:
            self._waiting.pop(request_id, None)
            self._requests = self._requests.forgotten(request_id)
        return self._read(call, said)

    async def read(self) -> None:
        """Read until the connection is over; then tell everybody."""
        end: P2pbotError = ConnectionLost("the session was ended from here")
        try:
            end = await self._until_over()
        finally:
            self.end = self._verdict or end
            for reply in self._waiting.values():
                _settle(reply, ConnectionLost("the session's connection ended before the answer"))
            try:
                self._on_end()
            finally:  # whoever is told may have a fault; the socket must not outlive its reader
                await self._connection.close()

    async def close(self, verdict: P2pbotError | None = None) -> None:
        """Close by our own will; ``verdict`` is why it is over."""
        self._verdict = self._verdict or verdict
        await self._connection.close(1000, "")

    async def _until_over(self) -> P2pbotError:
        while True:
            try:
                raw = await self._connection.receive()
            except ConnectionLost as lost:
                return lost
            frame = read_ws_frame(raw)
            self._take(frame)
            if isinstance(frame, Revoked):
                return ws_refusal(frame, self._clock.now_ms())

    def _take(self, frame: WsFrame) -> None:
        if isinstance(frame, Answered | Refused) and frame.weight is not None:
            self._gate.counted(frame.weight.used, frame.weight.limit)
        settled, self._requests = self._requests.heard(frame)
        for one in settled:
            if (reply := self._waiting.get(one.request_id)) is not None:
                _settle(reply, one.frame)
        if isinstance(frame, PushedEvent | ServerShutdown | UnknownFrame):
            self._on_push(self, frame)
        elif isinstance(frame, Refused) and not settled:
            self._note_refusal(ws_refusal(frame, self._clock.now_ms()))

    def _read(self, call: WsCall[T], said: _Reply) -> T:
        if isinstance(said, Answered):
            return call.parse(said.result)
        if isinstance(said, ConnectionLost):
            raise said
        error = ws_refusal(said, self._clock.now_ms())
        self._note_refusal(error)
        raise error

    def _note_refusal(self, error: P2pbotError) -> None:
        """Have everybody at this address be silent when the exchange asks one for it."""
        if isinstance(error, RateLimited):
            self._gate.shut(error)


def _settle(reply: asyncio.Future[_Reply], said: _Reply) -> None:
    """Give the answer, unless its owner has gone."""
    if not reply.done():
        reply.set_result(said)
