"""The sandbox exchange over TLS with our own doors in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rest import ExchangeRest, open_session
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.wire import ChatConnection, ChatWire
from p2pbot.protocol import calls
from p2pbot.protocol.frames import Frame, parse_frame
from p2pbot.protocol.outbound import chat_url
from p2pbot.protocol.signing import Signer, hmac_signer, private_key_signer
from p2pbot.sandbox import Sandbox, SandboxAccount, SandboxOptions
from p2pbot.secret import Secret
from tests.fakes.scripted_server import QuickClock

SECRET = "sandbox-secret-made-up-for-tests"


@dataclass
class Exchange:
    """A running sandbox, one HTTP session, and doors on demand."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    clock: QuickClock
    signers: dict[str, Signer]

    def rest(self, account: str = "main", *, timeout_s: float = 10.0, **changes: Any) -> ExchangeRest:
        """Return the REST door of an account."""
        return ExchangeRest(
            self.session,
            self.sandbox.rest_url,
            changes.get("key", Secret(f"key-of-{account}")),
            changes.get("signer", self.signers[account]),
            self.clock,
            SystemRng(),
            timeout_s=timeout_s,
        )

    async def address(self, account: str = "main") -> Secret:
        """Fetch a fresh credential and return the address of one connect."""
        return chat_url(await self.rest(account).call(calls.chat_credential()))

    def wire(self, **options: float) -> ChatWire:
        """Return the WebSocket door that trusts the sandbox."""
        return ChatWire(
            client_context(self.sandbox.ca_file),
            **{"close_timeout_s": 0.3, **options},  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def chat(self, account: str = "main", **options: float) -> AsyncIterator[ChatConnection]:
        """Open the account's chat."""
        connection = await self.wire(**options).connect(await self.address(account))
        try:
            yield connection
        finally:
            await connection.close()


async def frames(connection: ChatConnection) -> AsyncIterator[Frame]:
    """Yield what comes, parsed, until the connection ends with its error."""
    while True:
        yield parse_frame(await connection.receive())


def _keys() -> tuple[list[SandboxAccount], dict[str, Signer]]:
    """Return an account and a signer for each kind of key."""
    private: dict[str, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    accounts = [SandboxAccount(name="main", api_key="key-of-main", hmac_secret=SECRET)]
    signers = {"main": hmac_signer(Secret(SECRET))}
    for name, key in private.items():
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        accounts.append(SandboxAccount(name=name, api_key=f"key-of-{name}", public_key_pem=public.decode()))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        signers[name] = private_key_signer(Secret(pem.decode()))
    accounts.append(SandboxAccount(name="barred", api_key="key-of-barred", hmac_secret=SECRET, p2p_allowed=False))
    accounts.append(SandboxAccount(name="private", api_key="key-of-private", hmac_secret=SECRET, merchant=False))
    return accounts, signers | {"barred": signers["main"], "private": signers["main"]}


@asynccontextmanager
async def running_exchange(folder: Path, **habits: Any) -> AsyncIterator[Exchange]:
    """Run a sandbox over TLS with an account for each kind of key."""
    accounts, signers = _keys()
    options = SandboxOptions(accounts=tuple(accounts), directory=folder, history_lag_ms=0, **habits)
    async with Sandbox(options) as sandbox, open_session(client_context(sandbox.ca_file)) as session:
        yield Exchange(sandbox, session, QuickClock(), signers)
