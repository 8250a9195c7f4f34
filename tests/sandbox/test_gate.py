"""Credentials and the chat handshake."""

from __future__ import annotations

import re
from typing import Any

import pytest

from p2pbot.sandbox import Fault
from p2pbot.sandbox.gate import Refusal, Welcome
from p2pbot.sandbox.state import Close
from tests.sandbox.peer import CHAT, OTHER
from tests.sandbox.stage import START_MS, stage

CREDENTIAL = f"{CHAT}/retrieveChatCredential"


def test_the_listen_key_stays_and_the_token_changes() -> None:
    """Per account one listenKey for ever, at each call a new listenToken, in the documented shapes."""
    scene = stage()
    first, second = (scene.call("GET", CREDENTIAL)["data"] for _ in range(2))
    other = scene.call("GET", CREDENTIAL, account=OTHER)["data"]
    assert first["listenKey"] == second["listenKey"] != other["listenKey"]
    assert first["listenToken"] != second["listenToken"]
    assert re.fullmatch(r"c2c_[0-9a-f]{32}_v2", first["listenKey"])
    assert re.fullmatch(r"TOKEN[0-9a-f]{32}", first["listenToken"])
    assert first["chatWssUrl"].startswith("wss://")


def test_a_token_serves_once() -> None:
    """The second handshake with a token is refused with 401."""
    scene = stage()
    data = scene.call("GET", CREDENTIAL)["data"]
    query = {"token": data["listenToken"], "clientType": "web"}
    assert isinstance(scene.world.knock(data["listenKey"], query, START_MS), Welcome)
    refused = scene.world.knock(data["listenKey"], query, START_MS)
    assert isinstance(refused, Refusal)
    assert refused.status == 401


def test_a_token_is_of_its_account() -> None:
    """A token with another account's listenKey is refused."""
    scene = stage()
    mine, other = scene.call("GET", CREDENTIAL)["data"], scene.call("GET", CREDENTIAL, account=OTHER)["data"]
    verdict = scene.world.knock(other["listenKey"], {"token": mine["listenToken"], "clientType": "web"}, START_MS)
    assert isinstance(verdict, Refusal)


@pytest.mark.parametrize(("query", "status"), [({"token": "TOKENbad"}, 401), ({"clientType": ""}, 400)])
def test_a_wrong_query_is_refused(query: dict[str, Any], status: int) -> None:
    """An unknown token and a missing clientType have their statuses."""
    assert stage().knock(**query).status == status


def test_an_unknown_listen_key_is_404() -> None:
    """A listenKey of nobody is not found."""
    verdict = stage().world.knock("c2c_0_v2", {"token": "x", "clientType": "web"}, START_MS)
    assert isinstance(verdict, Refusal)
    assert verdict.status == 404


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_upgrade_status_answers_the_handshake(status: int) -> None:
    """The fault plays any HTTP status, with Retry-After where asked."""
    scene = stage()
    scene.world.inject(Fault("upgrade_status", account="main", status=status, retry_after_s=3), START_MS)
    verdict = scene.knock()
    assert (verdict.status, verdict.retry_after_s) == (status, 3)
    assert isinstance(scene.knock(OTHER), Welcome)


def test_a_good_token_can_be_refused() -> None:
    """``token_refused`` answers 401 once, and the next fresh credential passes."""
    scene = stage()
    scene.world.inject(Fault("token_refused", count=1), START_MS)
    assert scene.knock().status == 401
    assert isinstance(scene.knock(), Welcome)


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault("token_refused", status=0), 4001), (Fault("accept_then_close", code=1008), 1008)]
)
def test_a_socket_can_open_and_close_at_once(fault: Fault, code: int) -> None:
    """The handshake succeeds, then comes the close."""
    scene = stage()
    scene.world.inject(fault, START_MS)
    scene.connect()
    (end,) = scene.ends()
    assert isinstance(end, Close)
    assert end.code == code
    assert scene.world.live_sockets("main") == 0


def test_a_half_open_socket_hears_no_bye() -> None:
    """A peer that is gone on the wire gets no close frame when it is replaced."""
    scene = stage()
    scene.connect()
    scene.world.inject(Fault("half_open", duration_ms=1000), START_MS)
    scene.connect()
    assert scene.ends() == []
    assert scene.world.live_sockets("main") == 1


def test_a_key_of_strange_bytes_is_404() -> None:
    """A listenKey that is no text is not found."""
    verdict = stage().world.knock("c2c_\udcff", {"clientType": "web"}, START_MS)
    assert isinstance(verdict, Refusal)


def test_a_second_socket_says_bye_to_the_first() -> None:
    """The older socket of the account, and only it, is closed with the reason Bye."""
    scene = stage()
    first, _ = scene.connect(), scene.connect(OTHER)
    scene.connect()
    assert scene.ends() == [Close(first.socket_id, 1000, "Bye")]
    assert (scene.world.live_sockets("main"), scene.world.live_sockets("other")) == (1, 1)


def test_every_attempt_is_recorded() -> None:
    """A checker counts connects with their times and statuses."""
    scene = stage()
    scene.connect()
    scene.pass_ms(500)
    scene.knock(token="TOKENbad")
    assert [(seen.at_ms, seen.status) for seen in scene.world.connects("main")] == [
        (START_MS, 101),
        (START_MS + 500, 401),
    ]
