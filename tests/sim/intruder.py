"""Another client of the same account: it logs on with the same key, and ours hears ``Bye``."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from p2pbot.protocol.signing import encode_query, hmac_signer, signed_query
from p2pbot.sandbox.gate import Welcome
from p2pbot.sandbox.gateway import Request
from p2pbot.sandbox.state import Close, Effect
from p2pbot.secret import Secret
from tests.sim.universe import Universe, key_of, secret_of

_PATH = "/sapi/v1/c2c/chat/retrieveChatCredential"


class Intruder:
    """Holds a chat socket of an account, and takes it again a few times when it is thrown out."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._socket_id = 0
        self._left = 0
        self._every_s = 0.0
        self._account = ""

    def come(self, account: str, times: int, every_s: float) -> None:
        """Log on, and again at most ``times`` - 1 times."""
        self._account, self._left, self._every_s = account, times, every_s
        self._enter()

    def go(self) -> None:
        """Leave for good."""
        self._left = 0
        if self._socket_id:
            self._universe.do(lambda _: self._universe.world.leave(self._socket_id))

    def carry(self, effect: Effect) -> None:
        """Come again after a while when closed."""
        if isinstance(effect, Close) and self._left > 0:
            self._universe.timeline.after(self._every_s, self._enter)

    def _enter(self) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        universe = self._universe
        signer = hmac_signer(Secret(secret_of(self._account)))
        skew_ms = universe.world._state.exchange_ms(universe.now_ms()) - universe.now_ms()
        query = signed_query((), universe.now_ms() + skew_ms, 5000, signer)
        headers = {"x-mbx-apikey": key_of(self._account), "clienttype": "web"}
        answer = universe.do(lambda now_ms: universe.world.answer(Request("GET", _PATH, query, headers), now_ms))
        if answer.code != "000000" or answer.status != 200:
            return
        data = json.loads(answer.body)["data"]
        asked = dict(parse_qsl(encode_query((("token", data["listenToken"]), ("clientType", "web")))))
        verdict = universe.do(lambda now_ms: universe.world.knock(data["listenKey"], asked, now_ms))
        if isinstance(verdict, Welcome):
            socket = universe.do(lambda now_ms: universe.world.enter(verdict, now_ms))
            self._socket_id = socket.socket_id
            universe.ends[socket.socket_id] = self
            universe.trace.say(f"another client takes the chat of {self._account}")
