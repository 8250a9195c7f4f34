"""Names that are not found and certificates not to be believed: nothing is sent to a server that is not proven."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.certificates import Authority
from tests.faults.namespace import Network, why_not
from tests.faults.trial import Trial, announce, some

WHY_NOT = why_not()


def _bad_certificate(kind: str, trusted: Authority, folder: Path) -> ssl.SSLContext:
    """Return the context of a server that must be refused."""
    if kind == "expired":
        return trusted.server(days=-1)
    if kind == "wrong_host":
        return trusted.server(host="127.0.0.2")
    folder.mkdir()
    return Authority.create(folder).server()


@asynccontextmanager
async def _impostor(tls: ssl.SSLContext, heard: list[bytes]) -> AsyncIterator[int]:
    """Run a server with a bad certificate; what a client says to it after the handshake is ``heard``."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.append(await reader.read(1))
        finally:
            writer.transport.abort()

    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, _context: None)  # the handshakes fail, which is meant
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=tls)
    try:
        async with server:
            yield server.sockets[0].getsockname()[1]
    finally:
        loop.set_exception_handler(before)


def _trust(trial: Trial, folder: Path) -> Authority:
    """Have the daemon trust a second authority, whose key the test has."""
    authority = Authority.create(folder)
    own = trial.scene.box.ca_file
    assert own is not None
    bundle = folder / "both.pem"
    bundle.write_bytes(own.read_bytes() + authority.ca_file.read_bytes())
    trial.scene.box.ca_file = bundle
    trial.scene.write()
    return authority


WORDS = {"expired": "has expired", "wrong_host": "is for another", "other_authority": "authority that"}
REMEDIES = {
    "expired": "set this machine's clock",
    "wrong_host": "check the address",
    "other_authority": "check the address",
}


@pytest.mark.parametrize("kind", WORDS)
async def test_chat_with_a_certificate(trial: Trial, tmp_path: Path, kind: str) -> None:
    """A server that cannot prove itself gets no token; the operator reads why; when the right one is back, all is."""
    heard: list[bytes] = []
    tls = _bad_certificate(kind, _trust(trial, tmp_path), tmp_path / "other")
    async with trial.daemon(), _impostor(tls, heard) as port:
        there, trial.chat.upstream = trial.chat.upstream, port
        trial.chat.cut()
        await trial.ask(2)
        await trial.until(lambda: trial.said("chat_down", WORDS[kind]), "the log says what is wrong now")
        assert trial.said("chat_down", REMEDIES[kind])
        trial.chat.upstream = there
        await trial.verdict()
    assert b"".join(heard) == b""


@pytest.mark.parametrize("kind", some(WORDS, "wrong_host"))
async def test_requests_with_a_certificate(trial: Trial, tmp_path: Path, kind: str) -> None:
    """A server that cannot prove itself gets no key and no signature; the chat that is open goes on."""
    heard: list[bytes] = []
    tls = _bad_certificate(kind, _trust(trial, tmp_path), tmp_path / "other")
    async with trial.daemon(), _impostor(tls, heard) as port:
        there, trial.rest.upstream = trial.rest.upstream, port
        trial.rest.cut()
        await trial.ask(2)
        await trial.until(lambda: trial.said("orders_unavailable", WORDS[kind]), "the list of orders fails")
        assert trial.said("orders_unavailable", REMEDIES[kind])
        trial.rest.upstream = there
        await trial.verdict()
    assert b"".join(heard) == b""


async def test_chat_name_not_found(trial: Trial) -> None:
    """A chat host that DNS does not know is tried again until it does."""
    async with trial.daemon():
        world = trial.scene.box.world
        world.reachable_at(trial.scene.box.rest_url, "wss://chat.invalid:443/chat")
        trial.chat.cut()
        await trial.ask(2)
        await trial.until(lambda: trial.said("chat_down", "is not found"), "the log says what is wrong now")
        announce(trial.scene, trial.chat, trial.rest)
        await trial.verdict()


@pytest.mark.skipif(bool(WHY_NOT), reason=f"not possible here: {WHY_NOT}")
async def test_chat_name_never_answered(walled: Trial, network: Network) -> None:
    """A name server that does not answer is waited for as long as for a connection, not longer."""
    async with walled.process() as process:
        await walled.until_process_open(process)
        walled.begin()
        network.swallow_everything()
        walled.scene.box.world.reachable_at(walled.scene.box.rest_url, "wss://chat.invalid:443/chat")
        walled.chat.cut()
        await walled.ask(2)
        await walled.until(lambda: walled.said("chat_down", "did not open the chat within"), "the lookup is given up")
        announce(walled.scene, walled.chat, walled.rest)
        await walled.verdict()
        process.terminate()
        assert await process.wait() == 0


async def test_start_without_dns(trial: Trial) -> None:
    """A daemon that starts before the network is there stays, and says what it waits for."""
    trial.scene.box.rest_url = "https://exchange.invalid"
    trial.scene.write()
    async with trial.process() as process:
        await trial.until(lambda: trial.said("chat_down", "is not found"), "the name is not found")
        process.terminate()
        assert await process.wait() == 0
    announce(trial.scene, trial.chat, trial.rest)
    await trial.ask(2)
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.verdict()
