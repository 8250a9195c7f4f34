"""The control interface over HTTP: ``POST /control/ACTION`` with JSON arguments, ``GET /control/VIEW?…``.

Promise: nothing is done without the token of ``control.token`` in ``Authorization: Bearer …``. Errors are JSON with one
sentence: 400 wrong arguments, 401 no token, 404 no such action, 409 not possible in the order's state.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from p2pbot.errors import IllegalTransition
from p2pbot.sandbox.actions import ACTIONS, VIEWS
from p2pbot.sandbox.arguments import Action
from p2pbot.sandbox.shell import Shell


class Control:
    """The handlers."""

    def __init__(self, shell: Shell, token: str) -> None:
        self._shell = shell
        self._token = token

    def serve(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/control/{name}", self._act)
        app.router.add_get("/control/{name}", self._view)

    async def _act(self, request: web.Request) -> web.Response:
        try:
            arguments = json.loads(await request.read() or b"{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            return _refusal(400, "the body is not a JSON object")
        return self._perform(request, ACTIONS, arguments)

    async def _view(self, request: web.Request) -> web.Response:
        return self._perform(request, VIEWS, dict(request.query))

    def _perform(self, request: web.Request, table: Mapping[str, Action], arguments: Mapping[str, Any]) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode()):
            return _refusal(401, "the token of control.token is missing or wrong")
        action = table.get(request.match_info["name"])
        if action is None:
            return _refusal(404, f"there is no such action; there are: {', '.join(table)}")
        try:
            result = self._shell.run(lambda now_ms: action.perform(self._shell.world, arguments, now_ms))
        except IllegalTransition as error:
            return _refusal(409, str(error))
        except (ValueError, KeyError, TypeError) as error:
            return _refusal(400, str(error.args[0]) if error.args else "wrong arguments")
        return web.json_response(result)


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": f"SIMULATED exchange: {sentence}"}, status=status)
