"""The REST calls of listenKeys: header only, closed, and silent about the key."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import pytest

from p2pbot.errors import AnswerMalformed
from p2pbot.protocol import key_calls
from p2pbot.protocol.rest import Answer, RestCall
from p2pbot.secret import Secret

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"  # the published example

EVERY_CALL: list[tuple[RestCall[Any], str, str, dict[str, str]]] = [
    (key_calls.futures_time(), "GET", "/fapi/v1/time", {}),
    (key_calls.start_futures_key(), "POST", "/fapi/v1/listenKey", {}),
    (key_calls.keep_futures_key(), "PUT", "/fapi/v1/listenKey", {}),
    (key_calls.close_futures_key(), "DELETE", "/fapi/v1/listenKey", {}),
    (key_calls.start_spot_key(), "POST", "/api/v3/userDataStream", {}),
    (key_calls.keep_spot_key(Secret(KEY)), "PUT", "/api/v3/userDataStream", {"listenKey": KEY}),
    (key_calls.close_spot_key(Secret(KEY)), "DELETE", "/api/v3/userDataStream", {"listenKey": KEY}),
    (key_calls.spot_account(), "GET", "/api/v3/account", {"omitZeroBalances": "true"}),
]


@pytest.mark.parametrize(("call", "method", "path", "query"), EVERY_CALL, ids=lambda value: str(value)[:30])
def test_request(call: RestCall[object], method: str, path: str, query: dict[str, str]) -> None:
    """Each call asks what the interface documents, without a body and without an envelope around its answer."""
    assert (call.method, call.path, dict(call.query), call.body, call.bare) == (method, path, query, None, True)


def test_a_key_is_asked_for_by_header_only() -> None:
    """The calls of keys carry the API key and no signature; the account is asked signed, the clock by anybody."""
    assert {(call.keyed, call.signed) for call, *_ in EVERY_CALL if "ey" in call.name} == {(True, False)}
    assert [(call.name, call.keyed, call.signed) for call, *_ in EVERY_CALL if "ey" not in call.name] == [
        ("futures_time", False, False),
        ("spot_account", False, True),
    ]


def test_the_list_of_calls_is_closed() -> None:
    """Every public constructor is in the table above."""
    constructors = {
        name
        for name, found in inspect.getmembers(key_calls, inspect.isfunction)
        if found.__module__ == key_calls.__name__ and not name.startswith("_")
    }
    assert constructors == {call.name for call, *_ in EVERY_CALL}


def test_a_call_does_not_show_its_key() -> None:
    """What names a key in its question can be written into a log without it."""
    assert all(KEY not in repr(call) for call, *_ in EVERY_CALL)


def read(call: RestCall[Any], data: object) -> Any:
    """Read an answer's data as the call does."""
    return call.parse(Answer(data=data))


@pytest.mark.parametrize("call", [key_calls.start_futures_key(), key_calls.start_spot_key()])
def test_a_started_key(call: RestCall[Secret]) -> None:
    """The answer to a start is the key, and nothing else will do."""
    assert read(call, {"listenKey": KEY}) == Secret(KEY)
    others: list[object] = ["", 7, "a/b?c", "x" * 999]
    answers: list[object] = [{}, [], None, *({"listenKey": other} for other in others)]
    for wrong in answers:
        with pytest.raises(AnswerMalformed) as caught:
            read(call, wrong)
        assert "x" * 9 not in str(caught.value)


def test_a_kept_futures_key() -> None:
    """The answer to a keepalive may name the key, and may be empty."""
    assert read(key_calls.keep_futures_key(), {"listenKey": KEY}) == Secret(KEY)
    assert read(key_calls.keep_futures_key(), {}) is None
    with pytest.raises(AnswerMalformed):
        read(key_calls.keep_futures_key(), [])


def test_a_spot_account() -> None:
    """The spot account's answer is its balances, each with the account's time."""
    said = {"updateTime": 1767600000000, "balances": [{"asset": "USDT", "free": "1.5", "locked": "0"}]}
    (balance,) = read(key_calls.spot_account(), said).balances
    assert (balance.asset, balance.free, balance.updated_ms) == ("USDT", Decimal("1.5"), 1767600000000)
