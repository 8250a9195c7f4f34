"""The door for people on this machine: a Unix socket in the state directory, one line in, one line out.

Promise: mode 0600 before anybody can connect; where the platform tells who connects, only our own user and root are
heard. Lines, clients and waiting are bounded; a client's requests are answered one after the other. A socket that
cannot be opened is said once and never keeps the daemon from answering the chat.
Danger: a daemon without it can still be paused through the store and by the file PAUSE.
Source: unix(7): a path has at most 107 bytes; SO_PEERCRED. connect(2) is refused until listen(2), so the mode is set
in between.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from p2pbot.conversation.control import MAX_ANSWER_BYTES, MAX_LINE_BYTES, Refusal, answer_line
from p2pbot.errors import StateError
from p2pbot.ports import Events

NAME = "control.sock"
LONGEST_PATH = 107  # bytes of sockaddr_un.sun_path without its end
_CLIENTS = 8  # at once; a person has one or two
_SILENCE_S = 60.0  # a client that asks nothing is let go
_ROOT = 0
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_TOO_MANY = Refusal("too many clients", remedy="ask again in a moment")
_TOO_LONG = Refusal("the line is too long")


class ControlSocket:
    """``answer`` takes a line and returns the line that answers it; it never raises but when the daemon ends."""

    def __init__(
        self,
        state_dir: Path,
        answer: Callable[[bytes], Awaitable[bytes]],
        events: Events,
        *,
        users: Collection[int] | None = None,
    ) -> None:
        """Make the door; ``users``: the numbers of those who are heard, our own and root's unless given."""
        self._path = state_dir / NAME
        self._users = (os.geteuid(), _ROOT) if users is None else users
        self._answer = answer
        self._events = events
        self._clients: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[bool]:
        """Listen until the block ends; yields whether it could. The caller holds the state directory."""
        try:
            listener = self._bound()
        except OSError as error:
            self._events.warning("control_unavailable", what=_why(self._path, error))
            yield False
            return
        server = await asyncio.start_unix_server(self._met, sock=listener, limit=MAX_LINE_BYTES)
        try:
            yield True
        finally:
            server.close()
            await asyncio.sleep(0)  # who came in this moment has a task by now
            for client in tuple(self._clients):
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _bound(self) -> socket.socket:
        """Return a socket that listens. One that a former daemon left is ours to replace: we hold the lease."""
        if len(os.fsencode(self._path)) > LONGEST_PATH:
            raise OSError(0, f"the path of {NAME} would have more than {LONGEST_PATH} bytes")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            listener.listen(_CLIENTS)
        except BaseException:
            listener.close()
            raise
        return listener

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        crowded = len(self._clients) >= _CLIENTS
        self._clients.add(task)
        try:
            if not _is_from(writer, self._users):
                self._events.warning("control_stranger")
            elif crowded:
                writer.write(answer_line(_TOO_MANY))
                await writer.drain()
            else:
                await self._talk(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            # It went away, or said nothing, or the daemon ends. Nobody waits for this task but asyncio's server, and
            # that of Python 3.12.1 logs a cancelled one as a failure.
            return
        finally:
            self._clients.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(_SILENCE_S):
                    line = await reader.readline()
            except ValueError:  # what StreamReader makes of a line beyond its limit
                writer.write(answer_line(_TOO_LONG))
                await writer.drain()
                return
            if not line.endswith(b"\n"):
                return
            writer.write(await self._answer(line))
            async with asyncio.timeout(_SILENCE_S):
                await writer.drain()


def ask_daemon(state_dir: Path, line: bytes, *, timeout_s: float = 60.0) -> bytes | None:
    """Return the running daemon's answer to a line, or None when none listens in this state directory.

    Raises StateError when it is there and does not answer, or may not be asked by this user.
    """
    path = state_dir / NAME
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout_s)
            client.connect(str(path))
            with suppress(BrokenPipeError):  # a door that is crowded answers before it was asked, and closes
                client.sendall(line)
            return _line_from(client, path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except PermissionError:
        raise StateError(f"{path} may not be used by this user", remedy="run this as p2pbot's user") from None
    except TimeoutError:
        raise StateError(
            f"the daemon did not answer within {timeout_s:.0f} s", remedy="p2pbot status shows whether it hangs"
        ) from None
    except OSError as error:
        if len(os.fsencode(path)) > LONGEST_PATH:
            return None
        raise StateError(f"{path}: {error.strerror or error}", remedy="p2pbot status shows whether it runs") from None


def _line_from(client: socket.socket, path: Path) -> bytes:
    answer = bytearray()
    while not answer.endswith(b"\n"):
        piece = client.recv(65_536)
        answer += piece
        if not piece or len(answer) > MAX_ANSWER_BYTES:
            raise StateError(f"{path}: the daemon gave no whole answer", remedy="p2pbot status shows whether it runs")
    return bytes(answer)


def _is_from(writer: asyncio.StreamWriter, users: Collection[int]) -> bool:
    """Whether one of these users is at the other end; where nobody can tell, the mode of the socket must do."""
    peer = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED") or peer is None:
        return True
    _, uid, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return uid in users


def _why(path: Path, error: OSError) -> str:
    advice = "; name a shorter state_dir" if len(os.fsencode(path)) > LONGEST_PATH else ""
    return f"{path}: {error.strerror or 'cannot be used'}{advice}"
