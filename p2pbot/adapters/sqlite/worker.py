"""One thread that owns one connection and runs one transaction after the other.

Promise: the event loop never waits for the disk; callers get their answers through the loop, in the order of their
calls. A transaction that was handed over is carried out whether or not its caller still waits.
Danger: a caller that is cancelled knows nothing of the outcome: before the hand-over nothing happened, after it the
transaction happens.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from p2pbot.adapters.sqlite.faults import mapped
from p2pbot.adapters.sqlite.transaction import transaction
from p2pbot.errors import OurError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

MAX_QUEUED = 1024  # transactions handed over and not answered: far above what 200 orders at once ask for; then wait


class Worker:
    """Runs transactions on a thread of its own. Make it with ``started``, end it with ``close``."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._slots = asyncio.Semaphore(MAX_QUEUED)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._last_job_is_in = False
        # A daemon thread: a process that dies without ``close`` loses nothing, SQLite is made for that.
        self._thread = threading.Thread(target=self._run, name=f"store {path.name}", daemon=True)

    @classmethod
    async def started(cls, path: Path, connect: Callable[[], sqlite3.Connection]) -> Worker:
        """Return a worker whose connection is open; ``connect`` runs on the thread. Raises what it raises, mapped."""
        worker = cls(path, connect)
        worker._thread.start()
        try:
            await worker._hand_over(worker._open)
        except BaseException:
            worker._jobs.put(None)
            raise
        return worker

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one snapshot."""
        return await self._transaction("BEGIN", work)

    async def glance(self, work: Work[T]) -> T:
        """Run ``work`` that reads by one statement: it is a snapshot by itself and needs no transaction around it."""
        return await self._transaction("", work)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a write transaction, committed when it returns and rolled back when it raises."""
        return await self._transaction("BEGIN IMMEDIATE", work)

    async def close(self) -> None:
        """Carry out what was asked for before, close the connection, end the thread. Idempotent."""
        if not self._closing:
            self._closing = True
            try:
                await self._slots.acquire()  # whoever waits for a slot came before us
            finally:
                self._last_job_is_in = True
                self._jobs.put(None)
        await asyncio.shield(self._ended)

    async def _transaction(self, begin: str, work: Work[T]) -> T:
        if self._closing:
            raise OurError("the store is closed")
        return await self._hand_over(partial(self._in_transaction, begin, work))

    async def _hand_over(self, job: Callable[[], T]) -> T:
        await self._slots.acquire()
        if self._last_job_is_in:
            raise OurError("the store is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, answer))
        return await answer

    # On the thread

    def _run(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, answer = item
            try:
                with mapped(self._path):
                    result = job()
            except BaseException as error:  # noqa: BLE001 – whatever it is, it belongs to the caller, not to the thread
                self._report(partial(self._settle, answer, None, error))
            else:
                self._report(partial(self._settle, answer, result, None))
        if self._connection is not None:
            with suppress(sqlite3.Error):  # everything is committed; a failing last checkpoint changes nothing
                self._connection.close()
        self._report(partial(self._settle, self._ended, None, None))

    def _open(self) -> None:
        self._connection = self._connect()

    def _in_transaction(self, begin: str, work: Work[T]) -> T:
        connection = self._connection
        if connection is None:
            raise OurError("the store is not open")
        if not begin:
            return work(connection)
        with transaction(connection, begin):
            return work(connection)

    def _report(self, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is gone, and with it everybody who waited
            self._loop.call_soon_threadsafe(callback)

    # On the loop

    def _settle(self, answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        if answer is not self._ended:
            self._slots.release()
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)
