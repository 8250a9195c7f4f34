"""An editor, as a YAML language server sees it: opens a file, hears diagnostics, asks for completions."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

_INSTALLED = Path(__file__).parents[2] / ".venv-editor" / "node_modules" / ".bin"  # by `make editor`
_PLACES = os.pathsep.join([str(_INSTALLED), os.environ.get("PATH", os.defpath)])
PATIENCE_S = 60.0  # node starts slowly on a busy machine


def command() -> list[str] | None:
    """Return how the server is started here; None where it is not installed."""
    given = os.environ.get("P2PBOT_YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server", path=_PLACES)
    return [given, "--stdio"] if given and shutil.which("node") else None


class Editor:
    """One running server."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last = 0
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}

    @classmethod
    async def start(cls, folder: Path) -> Editor:
        """Start the server and introduce ourselves."""
        started = command()
        assert started is not None
        pipe = asyncio.subprocess.PIPE
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*started, stdin=pipe, stdout=pipe, stderr=quiet, cwd=folder)
        editor = cls(process)
        await editor.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        editor._tell("initialized", {})
        return editor

    async def open(self, path: Path, text: str) -> list[str]:
        """Open a file and return what is underlined in it."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        while uri not in self._diagnostics:
            await self._hear()
        return [str(found["message"]) for found in self._diagnostics.pop(uri)]

    async def completions(self, path: Path, line: int, character: int) -> set[str]:
        """Return what is offered at a place, counted from 0."""
        place = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}
        answer = await self.ask("textDocument/completion", place)
        items = answer["items"] if isinstance(answer, dict) else answer
        return {str(item["label"]) for item in items}

    async def close(self) -> None:
        """End the server."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Call a method and return its result."""
        self._last += 1
        self._write({"id": self._last, "method": method, "params": params})
        while True:
            heard = await self._hear()
            if heard.get("id") == self._last and "method" not in heard:
                return heard["result"]

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._write({"method": method, "params": params})

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0"} | message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)

    async def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        head = await asyncio.wait_for(self._process.stdout.readuntil(b"\r\n\r\n"), PATIENCE_S)
        size = int(head.split(b"Content-Length:")[1].split(b"\r\n")[0])
        heard: dict[str, Any] = json.loads(await self._process.stdout.readexactly(size))
        if heard.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[heard["params"]["uri"]] = heard["params"]["diagnostics"]
        elif "method" in heard and "id" in heard:  # it asks for settings, or registers something
            asked = heard["params"].get("items", []) if isinstance(heard.get("params"), dict) else []
            self._write({"id": heard["id"], "result": [{} for _ in asked]})
        return heard
