"""The control socket: ours alone, bounded, and no harm to the daemon when it cannot be had."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from p2pbot.adapters.control_socket import LONGEST_PATH, NAME, ControlSocket, ask_daemon
from p2pbot.conversation.control import MAX_LINE_BYTES
from p2pbot.errors import StateError


class Events:
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, event: str, **_values: object) -> None:
        """Take it."""

    def warning(self, event: str, **values: object) -> None:
        """Keep it."""
        self.said.append(f"{event} {values.get('what', '')}")

    def error(self, event: str, **_values: object) -> None:
        """Take it."""


async def echo(line: bytes) -> bytes:
    """Answer with the line."""
    return line


@asynccontextmanager
async def serving(directory: Path, events: Events | None = None) -> AsyncIterator[bool]:
    """Serve an echo in a directory."""
    async with ControlSocket(directory, echo, events or Events()).serve() as listens:
        yield listens


async def asked(directory: Path, line: bytes) -> bytes | None:
    """Ask as a command does, in a thread, for its socket blocks."""
    return await asyncio.to_thread(ask_daemon, directory, line, timeout_s=5.0)


async def test_a_line_is_answered_and_the_socket_goes_with_the_daemon(tmp_path: Path) -> None:
    """Mode 0600 while it is there; afterwards nobody listens, which is an answer and no error."""
    async with serving(tmp_path) as listens:
        assert listens
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
        assert await asked(tmp_path, b"hello\n") == b"hello\n"
    assert not (tmp_path / NAME).exists()
    assert await asked(tmp_path, b"hello\n") is None


async def test_a_socket_that_a_dead_daemon_left_is_nobody_and_is_replaced(tmp_path: Path) -> None:
    """After kill -9 the file is there: it does not stand in the way of the next start."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    assert await asked(tmp_path, b"hello\n") is None
    async with serving(tmp_path):
        assert await asked(tmp_path, b"hello\n") == b"hello\n"


async def test_a_client_asks_one_thing_after_the_other(tmp_path: Path) -> None:
    """What is sent at once is answered in its order."""
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
        writer.write(b"one\ntwo\n")
        assert [await reader.readline(), await reader.readline()] == [b"one\n", b"two\n"]
        writer.close()
        await writer.wait_closed()


async def test_a_line_beyond_its_bound_is_refused(tmp_path: Path) -> None:
    """The door reads no more than a request can have."""
    async with serving(tmp_path):
        answer = await asked(tmp_path, b"x" * (2 * MAX_LINE_BYTES) + b"\n")
    assert answer is not None
    assert b"too long" in answer


async def test_clients_are_bounded(tmp_path: Path) -> None:
    """A ninth is told to come again; when one has gone there is room."""
    async with serving(tmp_path):
        held = [await asyncio.open_unix_connection(tmp_path / NAME) for _ in range(8)]
        for reader, writer in held:
            writer.write(b"hello\n")
            await reader.readline()
        answer = await asked(tmp_path, b"hello\n")
        assert answer is not None
        assert b"too many clients" in answer
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(5):
            while await asked(tmp_path, b"hello\n") != b"hello\n":  # noqa: ASYNC110 - the door has no event for it
                await asyncio.sleep(0)


async def test_a_stranger_is_not_heard(tmp_path: Path) -> None:
    """Another user's process, had it come through the mode, gets no answer, and the log says so."""
    if not hasattr(socket, "SO_PEERCRED"):
        pytest.skip("this platform does not tell who connects")
    events = Events()
    async with ControlSocket(tmp_path, echo, events, users=(os.geteuid() + 1,)).serve():
        with pytest.raises(StateError, match=NAME):
            await asked(tmp_path, b"hello\n")
    assert events.said == ["control_stranger "]


async def as_a_stranger(code: str, *arguments: str) -> int:
    """Run some Python as another user; return its exit code."""
    command = ("/usr/bin/env", "python3", "-c", code, *arguments)
    process = await asyncio.create_subprocess_exec(*command, user=61_234, cwd="/", stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Return a directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


async def test_another_user_cannot_connect(open_to_all: Path) -> None:
    """The mode keeps everybody out who is neither our user nor root, wherever the socket lies."""
    if os.geteuid() != 0 or await as_a_stranger("pass") != 0:
        pytest.skip("only root can become somebody else, who needs a Python of the machine")
    code = "import socket,sys; s=socket.socket(socket.AF_UNIX); sys.exit(s.connect_ex(sys.argv[1]))"
    async with serving(open_to_all):
        assert await as_a_stranger(code, str(open_to_all / NAME)) == errno.EACCES


async def test_a_path_that_is_too_long_is_said_and_the_daemon_goes_on(tmp_path: Path) -> None:
    """The block runs without a socket; the warning names the way out; a command finds nobody."""
    deep = tmp_path / ("d" * LONGEST_PATH)
    deep.mkdir()
    events = Events()
    async with serving(deep, events) as listens:
        assert not listens
        assert await asked(deep, b"hello\n") is None
    assert events.said[0].startswith("control_unavailable")
    assert "name a shorter state_dir" in events.said[0]


async def test_the_end_does_not_wait_for_a_client(tmp_path: Path) -> None:
    """Somebody who holds a connection open does not hold up the daemon's end."""
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
        writer.write(b"hello\n")
        await reader.readline()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_daemon_that_does_not_answer_is_told(tmp_path: Path) -> None:
    """A command does not wait for ever."""
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / NAME))
        deaf.listen()
        with pytest.raises(StateError, match="did not answer"):
            ask_daemon(tmp_path, b"hello\n", timeout_s=0.05)
