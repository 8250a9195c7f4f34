"""A foreign client's process, as a test holds it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from p2pbot.sandbox import Sandbox
from tests.clients.line import MARK
from tests.sandbox.keys import ed25519_key, private_pem, rsa_key
from tests.sandbox.peer import KEY, SECRET

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
WHO: Mapping[str, Callable[[], dict[str, str]]] = {
    "main": lambda: {"api_key": KEY, "api_secret": SECRET},
    "ed": lambda: {"api_key": "ed-key", "private_key": private_pem(ed25519_key())},
    "rsa": lambda: {"api_key": "rsa-key", "private_key": private_pem(rsa_key())},
}
_DEADLINE_S = 30.0  # the slowest of them needs three seconds to be imported
_LONGEST_LINE = 1 << 20


def calls_of(box: Sandbox) -> list[tuple[str, int, bool]]:
    """Return method, status and whether it was signed, of each request over a WebSocket API."""
    return [(call.method, call.status, call.signed) for call in box.world.context.calls()]


class Foreign:
    """A process that plays one scenario."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hear(self) -> Any:
        """Return the next value that it says. Raises AssertionError with its last words if it ends instead."""
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout is not None
        assert stderr is not None
        async with asyncio.timeout(_DEADLINE_S):
            while line := (await stdout.readline()).decode():
                if line.startswith(MARK):
                    return json.loads(line.removeprefix(MARK))
            words = (await stderr.read()).decode()[-3000:]
        raise AssertionError(f"the client ended: {words}")

    def say(self, value: object) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")

    async def end(self) -> None:
        """Hear it out: it says done and ends by itself."""
        assert await self.hear() == "done"
        async with asyncio.timeout(_DEADLINE_S):
            assert await self._process.wait() == 0


@asynccontextmanager
async def foreign(speaker: str, scenario: str, box: Sandbox, who: Mapping[str, str]) -> AsyncIterator[Foreign]:
    """Start a client against the sandbox; keys go over its standard input, never into its arguments."""
    assert box.ca_file is not None
    trust = str(box.ca_file)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SSL_CERT_FILE": trust,
        "REQUESTS_CA_BUNDLE": trust,
    }
    script = ROOT / "tests" / "clients" / "speakers" / f"{speaker}.py"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        PYTHON, script, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, limit=_LONGEST_LINE
    )
    client = Foreign(process)
    settings = {"rest_url": box.rest_url, "ws_url": box.ws_url, "ca_file": trust, **who}
    client.say({"scenario": scenario, "settings": settings})
    try:
        yield client
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
