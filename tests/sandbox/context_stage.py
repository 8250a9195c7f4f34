"""The account context on a stage: links without sockets, time that stands still, frames that are kept.

Written from the protocol notes and from nothing of p2pbot's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from p2pbot.sandbox.gate import Refusal
from p2pbot.sandbox.gateway import Answer, Request
from p2pbot.sandbox.links import Link
from p2pbot.sandbox.state import Abort, Close, Effect, Ping, Push
from tests.sandbox.keys import ED_NAME, RSA_NAME, ed25519_account, rsa_account, ws_signature
from tests.sandbox.peer import KEY, MAIN
from tests.sandbox.stage import Stage, stage

FUTURES, SPOT = "/ws-fapi/v1", "/ws-api/v3"
PRIVATE = "/private/ws"
API_KEYS = {"main": KEY, ED_NAME: "ed-key", RSA_NAME: "rsa-key"}


@dataclass
class ContextStage:
    """A world with an HMAC, an Ed25519 and an RSA account; ``sent`` holds what each link was sent and not yet read."""

    scene: Stage
    sent: list[Effect] = field(default_factory=list)
    asked: int = 0

    @property
    def context(self) -> Any:
        """The account context."""
        return self.scene.world.context

    @property
    def now_ms(self) -> int:
        """The stage's time."""
        return self.scene.now_ms

    def pass_ms(self, delay_ms: int) -> None:
        """Let time pass."""
        self.scene.pass_ms(delay_ms)

    def act(self, name: str, **arguments: Any) -> Any:
        """Perform an action of the control table."""
        from p2pbot.sandbox.actions import ACTIONS  # noqa: PLC0415 - the table is wanted here alone

        return ACTIONS[name].perform(self.scene.world, arguments, self.now_ms)

    def open(self, path: str = FUTURES, **query: str) -> Link:
        """Open a link; AssertionError if it is refused."""
        verdict = self.context.knock(path, query, self.now_ms)
        assert not isinstance(verdict, Refusal), verdict
        self.context.enter(verdict, self.now_ms)
        assert isinstance(verdict, Link)
        return verdict

    def write(self, link: Link, data: Any) -> list[Any]:
        """Write a frame and return the JSON values that the link was sent since it was last read."""
        text = data if isinstance(data, (str, bytes)) else json.dumps(data)
        self.context.take_frame(link, text, self.now_ms)
        return self.read(link)

    def ask(self, link: Link, method: str, **params: Any) -> Any:
        """Make a request and return its answer; AssertionError if there is not exactly one."""
        self.asked += 1
        (answer,) = self.write(link, {"id": self.asked, "method": method, "params": params})
        return answer

    def ask_signed(self, link: Link, method: str, account: str = "main", **params: Any) -> Any:
        """Make a request that an account signs."""
        full = {"apiKey": API_KEYS[account], "timestamp": self.now_ms} | params
        return self.ask(link, method, **full, signature=ws_signature(account, full))

    def _take(self) -> None:
        self.sent += self.scene.world.take_effects()

    def effects(self, link: Link) -> list[Effect]:
        """Return what was to be written to the link since it was last read."""
        self._take()
        mine = [effect for effect in self.sent if effect.socket_id == link.socket_id]
        self.sent = [effect for effect in self.sent if effect.socket_id != link.socket_id]
        return mine

    def read(self, link: Link) -> list[Any]:
        """Return the JSON values that the link was sent since it was last read; pings and closes stay."""
        mine = self.effects(link)
        self.sent += [effect for effect in mine if not isinstance(effect, Push)]
        return [json.loads(effect.data) for effect in mine if isinstance(effect, Push)]

    def events(self, link: Link) -> list[Any]:
        """Return the names of the events that the link was sent since it was last read, whatever their envelope."""
        return [(row.get("data") or row.get("event") or row).get("e") for row in self.read(link)]

    def ends(self, link: Link) -> list[Effect]:
        """Return closes and aborts of the link."""
        return [effect for effect in self.effects(link) if isinstance(effect, (Close, Abort))]

    def pings(self, link: Link) -> list[bytes]:
        """Return the payloads of the pings that the link was sent."""
        return [effect.payload for effect in self.effects(link) if isinstance(effect, Ping)]

    def keyed(self, method: str, path: str, query: str = "", account: str = "main") -> Answer:
        """Make a REST call with the key alone."""
        headers = {"x-mbx-apikey": API_KEYS[account]}
        return self.scene.world.answer(Request(method, path, query, headers, b""), self.now_ms)

    def listen_key(self, path: str = "/fapi/v1/listenKey") -> str:
        """Start a listenKey over REST."""
        return str(json.loads(self.keyed("POST", path).body)["listenKey"])


def context_stage(**changes: Any) -> ContextStage:
    """Return a plain world with one account of each kind of key."""
    return ContextStage(stage(**({"accounts": (MAIN, ed25519_account(), rsa_account())} | changes)))
