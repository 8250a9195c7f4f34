"""The REST front: routes, keys, clocks, signatures, envelopes and the REST faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox import Fault, SandboxAccount
from p2pbot.sandbox.gateway import Answer, Delivery, Request
from tests.sandbox.peer import CHAT, KEY, MAIN, MATCH, OTHER, SECRET, hmac_signature
from tests.sandbox.stage import START_MS, Stage, stage

LIST = f"{MATCH}/listOrders"
CREDENTIAL = f"{CHAT}/retrieveChatCredential"
GOOD = {"x-mbx-apikey": KEY, "clienttype": "web"}


def raw(scene: Stage, path: str, raw_query: str, headers: dict[str, str], method: str = "GET") -> Answer:
    """Send a request as it is."""
    return scene.world.answer(Request(method, path, raw_query, headers, b"{}"), scene.now_ms)


def signed(payload: str) -> str:
    """Return the query with its signature."""
    return f"{payload}&signature={hmac_signature(SECRET, payload)}"


def code_of(answer: Answer) -> Any:
    """Return the envelope's code."""
    return json.loads(answer.body)["code"]


def test_success_carries_a_text_code() -> None:
    """The C2C envelope has a string code and says success."""
    body = stage().call("GET", CREDENTIAL)
    assert (body["code"], body["message"], body["success"]) == ("000000", "success", True)


@pytest.mark.parametrize(
    ("headers", "raw_query", "status", "code"),
    [
        ({"clienttype": "web"}, signed(f"timestamp={START_MS}"), 401, -2014),
        ({"clienttype": "web", "x-mbx-apikey": "bad key!"}, signed(f"timestamp={START_MS}"), 401, -2014),
        ({"clienttype": "web", "x-mbx-apikey": "unknown"}, signed(f"timestamp={START_MS}"), 400, -2008),
        (GOOD, "", 400, -1102),
        (GOOD, f"timestamp={START_MS}", 400, -1102),
        (GOOD, signed("recvWindow=5000"), 400, -1102),
        (GOOD, signed("timestamp=yesterday"), 400, -1100),
        (GOOD, signed(f"recvWindow=60001&timestamp={START_MS}"), 400, -1131),
        (GOOD, signed(f"timestamp={START_MS - 5001}"), 400, -1021),
        (GOOD, signed(f"timestamp={START_MS + 1000}"), 400, -1021),
        (GOOD, f"timestamp={START_MS}&signature={'0' * 64}", 400, -1022),
        (GOOD, f"signature={hmac_signature(SECRET, f'timestamp={START_MS}')}&timestamp={START_MS}", 400, -1022),
        ({"x-mbx-apikey": KEY}, signed(f"timestamp={START_MS}"), 400, -31002),
        (GOOD | {"clienttype": "app"}, signed(f"timestamp={START_MS}"), 400, -31002),
    ],
)
def test_a_faulty_request_gets_its_code(headers: dict[str, str], raw_query: str, status: int, code: int) -> None:
    """Key, parameters, clock, signature and clientType are each refused with the documented int code."""
    answer = raw(stage(), CREDENTIAL, raw_query, headers)
    assert (answer.status, code_of(answer)) == (status, code)
    assert "msg" in json.loads(answer.body)


@given(st.integers(-70_000, 70_000), st.integers(0, 60_000))
def test_the_clock_rule_is_one_second_ahead_and_one_window_behind(offset_ms: int, window_ms: int) -> None:
    """Accepted if ``timestamp < server + 1000 and server - timestamp <= recvWindow``, else -1021."""
    answer = raw(stage(), CREDENTIAL, signed(f"recvWindow={window_ms}&timestamp={START_MS + offset_ms}"), GOOD)
    assert (code_of(answer) != -1021) == (-window_ms <= offset_ms < 1000)


def test_the_signature_covers_the_bytes_on_the_wire() -> None:
    """A query that was encoded otherwise than it was signed is refused."""
    right = signed(f"orderNo=a%20b&timestamp={START_MS}")
    assert raw(stage(), CREDENTIAL, right, GOOD).status == 200
    assert code_of(raw(stage(), CREDENTIAL, right.replace("%20", "+"), GOOD)) == -1022


def test_another_accounts_secret_does_not_sign_for_this_key() -> None:
    """Key and secret belong together."""
    payload = f"timestamp={START_MS}"
    wrong = f"{payload}&signature={hmac_signature(OTHER.hmac_secret, payload)}"
    assert code_of(raw(stage(), CREDENTIAL, wrong, GOOD)) == -1022


@pytest.mark.parametrize(
    ("method", "path", "status", "empty"),
    [
        ("GET", "/sapi/v1/c2c/chat/retrieveChatCredentials", 200, True),
        ("POST", CREDENTIAL, 200, True),
        ("GET", LIST, 200, True),
        ("POST", "/sapi/v1/c2c/orderMatch/releaseCoin", 200, True),
        ("GET", "/api/v3/depth", 404, False),
        ("GET", "/nothing", 404, False),
    ],
)
def test_unknown_paths(method: str, path: str, status: int, empty: bool) -> None:  # noqa: FBT001 – a table's column
    """A wrong sapi path answers an empty 200, any other unknown path 404; nothing that moves money exists."""
    answer = raw(stage(), path, signed(f"timestamp={START_MS}"), GOOD, method)
    assert (answer.status, answer.body == "") == (status, empty)


def test_the_time_needs_no_key() -> None:
    """``GET /api/v3/time`` answers anybody."""
    assert json.loads(raw(stage(), "/api/v3/time", "", {}).body) == {"serverTime": START_MS}


def test_clock_skew_moves_the_exchange() -> None:
    """Under ``clock_skew`` our good timestamp is refused and the time call tells the difference."""
    scene = stage()
    scene.world.inject(Fault("clock_skew", skew_ms=9000), START_MS)
    assert code_of(scene.ask("GET", CREDENTIAL)) == -1021
    assert json.loads(raw(scene, "/api/v3/time", "", {}).body) == {"serverTime": START_MS + 9000}
    assert scene.ask("GET", CREDENTIAL, timestamp=START_MS + 9000).status == 200


@pytest.mark.parametrize("flag", ["p2p_allowed", "address_allowed"])
def test_a_key_without_permission_is_refused(flag: str) -> None:
    """Missing rights or a foreign address are -2015."""
    account = SandboxAccount(name="main", api_key="main", hmac_secret="s", **{flag: False})  # type: ignore[arg-type]
    answer = stage(accounts=(account,)).ask("GET", CREDENTIAL, account=account)
    assert (answer.status, code_of(answer)) == (401, -2015)


def test_chat_is_for_merchants_only() -> None:
    """To others the chat calls answer an empty 200, and the order list answers."""
    account = SandboxAccount(name="main", api_key="main", hmac_secret="s", merchant=False)
    scene = stage(accounts=(account,))
    assert scene.ask("GET", CREDENTIAL, account=account).body == ""
    assert code_of(scene.ask("POST", LIST, body={}, account=account)) == "000000"


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (Fault("rest_429", retry_after_s=7), 429, "7"),
        (Fault("rest_418", retry_after_s=60), 418, "60"),
        (Fault("rest_451"), 451, None),
        (Fault("rest_5xx", status=502), 502, None),
        (Fault("rest_empty_200"), 200, None),
        (Fault("rest_html"), 200, None),
        (Fault("rest_garbage"), 200, None),
    ],
)
def test_rest_faults_answer_as_they_say(fault: Fault, status: int, retry_after: str | None) -> None:
    """Each REST fault has its status and header, and none of them issues a credential."""
    scene = stage()
    scene.world.inject(fault, START_MS)
    answer = scene.ask("GET", CREDENTIAL)
    assert (answer.status, answer.headers.get("Retry-After")) == (status, retry_after)
    assert "TOKEN" not in answer.body


@pytest.mark.parametrize(("name", "delivery"), [("rest_timeout", Delivery.HANG), ("rest_drop", Delivery.RESET)])
def test_a_lost_answer_is_a_call_carried_out(name: str, delivery: Delivery) -> None:
    """After ``rest_timeout`` and ``rest_drop`` the read mark is set all the same."""
    scene = stage()
    order_no = scene.open_order()
    scene.world.say(order_no, "hi", scene.now_ms)
    scene.world.inject(Fault(name, endpoint="markOrderMessagesAsRead"), START_MS)
    answer = scene.ask("POST", f"{CHAT}/markOrderMessagesAsRead", body={"orderNo": order_no, "userId": "1"})
    assert answer.delivery is delivery
    assert scene.world.unread(order_no) == 0


@pytest.mark.parametrize("code", [-2015, -2014, -2008, -1022])
def test_key_refused_answers_the_code_asked_for(code: int) -> None:
    """The fault ``key_refused`` plays each refusal of a key."""
    scene = stage()
    scene.world.inject(Fault("key_refused", account="main", code=code), START_MS)
    assert code_of(scene.ask("GET", CREDENTIAL)) == code
    assert scene.ask("GET", CREDENTIAL, account=OTHER).status == 200


def test_calls_are_recorded_for_their_account() -> None:
    """A checker sees who called what, when and with which code."""
    scene = stage()
    scene.call("GET", CREDENTIAL)
    scene.ask("GET", CREDENTIAL, timestamp=0)
    calls = scene.world.rest_calls("main", "retrieveChatCredential")
    assert [(call.at_ms, call.status, call.code) for call in calls] == [
        (START_MS, 200, "000000"),
        (START_MS, 400, "-1021"),
    ]
    assert scene.world.rest_calls("other") == ()


@given(st.binary(max_size=60))
def test_a_body_of_garbage_is_an_illegal_parameter(body: bytes) -> None:
    """A POST whose body is not a JSON object is refused, never an exception."""
    payload = signed(f"timestamp={START_MS}")
    answer = stage().world.answer(Request("POST", f"{MATCH}/getUserOrderDetail", payload, GOOD, body), START_MS)
    assert code_of(answer) == -31002


def test_an_account_needs_its_own_name_and_key() -> None:
    """Two accounts with one key would not be isolated."""
    with pytest.raises(ValueError, match="its own name"):
        stage(accounts=(MAIN, SandboxAccount(name="twin", api_key=KEY)))
