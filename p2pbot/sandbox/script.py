"""Scripts: what happens in the simulated exchange, step by step, as JSON lines.

Each line is one step: ``{"do": "open_order", "account": "main", "as": "a"}`` performs an action (``order`` may be a
name given by ``as``), ``{"wait_ms": 500}`` waits, ``{"until": "reply", "order": "a", "contains": "notify"}`` waits for
the bot. Blank lines and lines that begin with ``#`` are left out.

Promise: a script is read whole before its first step; a step that cannot be ends it with a sentence and its line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from p2pbot.errors import IllegalTransition
from p2pbot.sandbox.actions import ACTIONS
from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.records import Outcome, Speaker
from p2pbot.sandbox.world import World

_MOST_STEPS = 100_000
_DEFAULT_WITHIN_MS = 10_000
_UNTIL = {
    "connected": ("account", "within_ms"),
    "reply": ("order", "contains", "count", "within_ms"),
    "refused": ("account", "within_ms"),
    "listening": ("account", "link", "within_ms"),
}


class ScriptError(Exception):
    """A script that cannot be read, or a step that failed; the text names the line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step and the line it stands on."""

    line: int
    data: Mapping[str, Any] = field(repr=False)


def read_script(text: str) -> tuple[Step, ...]:
    """Return the steps. Raises ScriptError."""
    steps = [
        _step(number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    ]
    if len(steps) > _MOST_STEPS:
        raise ScriptError(f"more than {_MOST_STEPS} steps")
    return tuple(steps)


def _step(number: int, line: str) -> Step:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ScriptError(f"line {number}: not JSON: {error}") from None
    kinds = {"do", "until", "wait_ms"} & set(data) if isinstance(data, dict) else set()
    if len(kinds) != 1:
        raise ScriptError(f"line {number}: a step has one of do, until, wait_ms")
    known: Mapping[str, object] = ACTIONS if "do" in kinds else _UNTIL
    name = data.get("do", data.get("until"))
    if "wait_ms" not in kinds and name not in known:
        raise ScriptError(f"line {number}: there is no {name!r}; there are: {', '.join(known)}")
    return Step(number, data)


class Player:
    """Plays a script in a running sandbox. ``names`` maps what ``as`` called an order to its number."""

    def __init__(self, box: Sandbox, tell: Callable[[str], None]) -> None:
        self._box = box
        self._tell = tell
        self.names: dict[str, str] = {}

    async def play(self, steps: tuple[Step, ...]) -> None:
        """Take the steps in turn. Raises ScriptError at the first that fails."""
        for step in steps:
            try:
                await self._take(step.data)
            except (KeyError, ValueError, TypeError, TimeoutError, IllegalTransition) as error:
                sentence = error.args[0] if error.args else error
                raise ScriptError(f"line {step.line}: {sentence}") from None

    async def _take(self, data: Mapping[str, Any]) -> None:
        if "wait_ms" in data:
            await asyncio.sleep(data["wait_ms"] / 1000)
            return
        given = {key: value for key, value in data.items() if key not in ("do", "as", "until")}
        if "order" in given:
            given["order"] = self.names.get(str(given["order"]), str(given["order"]))
        if "until" in data:
            await self._wait(data["until"], given)
            return
        result = self._box.perform(data["do"], given)
        if "as" in data and "order_no" in result:
            self.names[str(data["as"])] = result["order_no"]
        self._tell(f"SIMULATED {data['do']} {json.dumps(result)}")

    async def _wait(self, until: str, given: Mapping[str, Any]) -> None:
        unknown = [key for key in given if key not in _UNTIL[until]]
        if unknown:
            raise ValueError(f"until {until!r} knows {', '.join(_UNTIL[until])}, not {unknown[0]!r}")
        within_s = given.get("within_ms", _DEFAULT_WITHIN_MS) / 1000
        await self._box.wait_for(_condition(until, given), within_s, f"until {until} {dict(given)}")


def _condition(until: str, given: Mapping[str, Any]) -> Callable[[World], bool]:
    """Return what ``until`` waits for."""
    if until == "connected":
        return lambda world: world.live_sockets(given["account"]) > 0
    if until == "refused":
        return lambda world: any(one.outcome is Outcome.REJECTED for one in world.received(given["account"]))
    if until == "listening":
        return lambda world: world.context.listens(given["account"], given.get("link", ""))
    wanted, count = str(given.get("contains", "")), int(given.get("count", 1))

    def replied(world: World) -> bool:
        lines = [line for line in world.chat(given["order"]) if line.by is Speaker.BOT and wanted in line.text]
        return len(lines) >= count

    return replied
