"""The writer's thread: the loop never waits, the order of calls is kept, no transaction is lost or torn."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import worker as worker_module
from p2pbot.adapters.sqlite.worker import Worker
from p2pbot.errors import OurError, StateLocked


def connect_to(path: Path) -> Callable[[], sqlite3.Connection]:
    """Return how to open a database with one table."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0.05)
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER UNIQUE) STRICT")
        return connection

    return connect


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    """Return the work of writing a number."""

    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return number

    return work


def stored(path: Path) -> list[int]:
    """Return the numbers in the file, in the order of their writing."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY rowid")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the database's place."""
    return tmp_path / "numbers.db"


@pytest.fixture
async def worker(path: Path) -> AsyncIterator[Worker]:
    """Give a worker and close it."""
    started = await Worker.started(path, connect_to(path))
    yield started
    await started.close()


class Gate:
    """Work that holds the thread until it is let go, so that a test decides what waits behind it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> str:
        """Wait on the thread."""
        del connection
        self.entered.set()
        assert self.let_go.wait(10)
        return "gone"


async def entered(gate: Gate) -> None:
    """Wait until the thread stands in the gate."""
    assert await asyncio.to_thread(gate.entered.wait, 10)


async def test_answers_in_the_order_of_the_calls(worker: Worker, path: Path) -> None:
    """Transactions run one after the other as they were asked for."""
    assert await asyncio.gather(*(worker.write(insert(n)) for n in range(50))) == list(range(50))
    assert stored(path) == list(range(50))


async def test_the_loop_goes_on_while_the_disk_is_slow(worker: Worker) -> None:
    """While a transaction takes its time the loop serves others."""
    gate = Gate()
    slow = asyncio.ensure_future(worker.write(gate))
    await entered(gate)  # the loop has run this coroutine to here, with the thread at work
    assert not slow.done()
    gate.let_go.set()
    assert await slow == "gone"


async def test_a_failure_is_rolled_back_and_told(worker: Worker, path: Path) -> None:
    """What a failing transaction wrote is gone, its caller gets the error, the next one works."""

    def fail(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        raise OurError("on purpose")

    with pytest.raises(OurError, match="on purpose"):
        await worker.write(fail)
    await worker.write(insert(2))
    assert stored(path) == [2]


async def test_no_library_error_leaves(worker: Worker) -> None:
    """A statement that SQLite refuses is our own fault and of our own type."""
    await worker.write(insert(1))
    with pytest.raises(OurError, match="IntegrityError"):
        await worker.write(insert(1))


async def test_a_database_locked_by_another_program(worker: Worker, path: Path) -> None:
    """A lock that another program keeps is StateLocked; once it lets go, writing works."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateLocked, match="another program"):
            await worker.write(insert(1))
    assert await worker.write(insert(1)) == 1


async def test_a_cancelled_caller_loses_nothing(worker: Worker, path: Path) -> None:
    """A transaction whose caller gave up after handing it over is carried out, and so are those behind it."""
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gate = Gate()
    slow = asyncio.ensure_future(worker.write(gate))
    await entered(gate)
    impatient = asyncio.ensure_future(worker.write(insert(1)))
    behind = asyncio.ensure_future(worker.write(insert(2)))
    await asyncio.sleep(0)  # both have handed over
    impatient.cancel()
    gate.let_go.set()
    assert (await slow, await behind) == ("gone", 2)
    assert impatient.cancelled()
    assert complaints == []
    assert stored(path) == [1, 2]


async def test_a_full_queue_makes_callers_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the bound is ever queued; who is cancelled while waiting for a place has written nothing."""
    monkeypatch.setattr(worker_module, "MAX_QUEUED", 2)
    worker = await Worker.started(path, connect_to(path))
    gate = Gate()
    slow = asyncio.ensure_future(worker.write(gate))
    await entered(gate)
    calls = [asyncio.ensure_future(worker.write(insert(n))) for n in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert worker._jobs.qsize() == 1
    calls[3].cancel()
    gate.let_go.set()
    await asyncio.gather(slow, *calls, return_exceptions=True)
    await worker.close()
    assert stored(path) == [0, 1, 2, 4]


async def test_close_finishes_what_was_asked_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Close waits for everything handed over or waiting for a place, then refuses."""
    monkeypatch.setattr(worker_module, "MAX_QUEUED", 2)
    worker = await Worker.started(path, connect_to(path))
    calls = [asyncio.ensure_future(worker.write(insert(n))) for n in range(10)]
    await asyncio.sleep(0)
    await asyncio.gather(worker.close(), worker.close())
    assert await asyncio.gather(*calls) == list(range(10))
    with pytest.raises(OurError, match="closed"):
        await worker.read(insert(99))


async def test_a_cancelled_close_still_closes(path: Path) -> None:
    """Who gives up waiting for the close may ask again; the thread ends all the same."""
    worker = await Worker.started(path, connect_to(path))
    gate = Gate()
    slow = asyncio.ensure_future(worker.write(gate))
    await entered(gate)
    closing_task = asyncio.ensure_future(worker.close())
    await asyncio.sleep(0)
    closing_task.cancel()
    gate.let_go.set()
    assert await slow == "gone"
    await worker.close()
    worker._thread.join(10)
    assert not worker._thread.is_alive()


async def test_who_waits_while_a_close_is_given_up_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that gets its place only after the last job was queued is refused, not left waiting for ever."""
    monkeypatch.setattr(worker_module, "MAX_QUEUED", 1)
    worker = await Worker.started(path, connect_to(path))
    gate = Gate()
    slow = asyncio.ensure_future(worker.write(gate))
    await entered(gate)
    waiting = asyncio.ensure_future(worker.write(insert(1)))
    await asyncio.sleep(0)
    closing_task = asyncio.ensure_future(worker.close())
    await asyncio.sleep(0)
    closing_task.cancel()
    await asyncio.gather(closing_task, return_exceptions=True)
    gate.let_go.set()
    await slow
    with pytest.raises(OurError, match="closed"):
        await asyncio.wait_for(waiting, 10)
    await worker.close()


async def test_a_failed_start_leaves_no_thread(path: Path) -> None:
    """When the connection cannot be opened its error is told and the thread ends."""

    def refuse() -> sqlite3.Connection:
        raise OurError("no door")

    before = set(threading.enumerate())
    with pytest.raises(OurError, match="no door"):
        await Worker.started(path, refuse)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_the_thread_survives_the_end_of_the_loop(path: Path) -> None:
    """A loop that ends without close, as in a crash, leaves the transactions that were handed over in the file."""

    async def hand_over() -> threading.Thread:
        worker = await Worker.started(path, connect_to(path))
        gate = Gate()
        handed = [asyncio.ensure_future(worker.write(work)) for work in (gate, insert(1))]
        await entered(gate)
        for task in handed:
            task.cancel()
        gate.let_go.set()
        worker._jobs.put(None)
        return worker._thread

    thread = asyncio.run(hand_over())
    thread.join(10)
    assert stored(path) == [1]
