"""A frame of the WebSocket API becomes one value, whatever it holds; a refusal becomes the right error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import (
    ClockSkew,
    ExchangeUnavailable,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
)
from p2pbot.protocol.ws_frames import (
    Answered,
    PushedEvent,
    Refused,
    Revoked,
    ServerShutdown,
    UnknownFrame,
    WeightCount,
    read_ws_frame,
    ws_refusal,
)

NOW_MS = 1_790_000_000_000
MINUTE = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": 7}
ORDERS = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300, "count": 3}
SHUTDOWN = {"e": "serverShutdown", "E": NOW_MS}


@pytest.mark.parametrize(
    ("said", "frame"),
    [
        ({"id": 5, "status": 200, "result": {"a": 1}}, Answered(request_id=5, result={"a": 1})),
        ({"id": 5, "status": 200, "result": {"a": 1.10}}, Answered(request_id=5, result={"a": "1.1"})),
        ({"id": "5", "status": 200, "result": []}, Answered(request_id=5, result=[])),
        (
            {"id": 1, "status": 200, "result": {}, "rateLimits": [ORDERS, MINUTE]},
            Answered(request_id=1, result={}, weight=WeightCount(used=7, limit=2400)),
        ),
        (
            {"id": 1, "status": 200, "result": {}, "rateLimits": [MINUTE, {**MINUTE, "limit": 100, "count": 99}]},
            Answered(request_id=1, result={}, weight=WeightCount(used=99, limit=100)),
        ),
        (
            {"id": 1, "status": 200, "result": {}, "rateLimits": [7, {**MINUTE, "limit": 0}, {**MINUTE, "count": "x"}]},
            Answered(request_id=1, result={}),
        ),
        (
            {"id": 3, "status": 400, "error": {"code": -1125, "msg": "This listenKey does not exist."}},
            Refused(request_id=3, status=400, code="-1125", message="This listenKey does not exist."),
        ),
        (
            {"id": 3, "status": 429, "error": {"code": -1003, "msg": "x", "data": {"retryAfter": 900}}},
            Refused(request_id=3, status=429, code="-1003", message="x", retry_after_ms=900),
        ),
        (
            {"id": 3, "status": 418, "error": {"code": -1003, "data": {"retryAfter": NOW_MS}}},
            Refused(request_id=3, status=418, code="-1003", retry_after_ms=NOW_MS),
        ),
        ({"id": 3, "status": 200, "error": {"code": -1}}, Refused(request_id=3, status=200, code="-1")),
        ({"id": 3, "status": 400, "error": {"code": "a key"}}, Refused(request_id=3, status=400)),
        ({"id": None, "status": 400, "error": {"code": -1}}, Refused(request_id=None, status=400, code="-1")),
        ({"id": None, "status": 401, "error": {"code": -2015, "msg": "m"}}, Revoked(code="-2015", message="m")),
        ({"id": None, "status": 401}, Revoked()),
        ({"id": None, "status": 400, "error": {"code": -2015}}, Revoked(code="-2015")),
        ({"id": 7, "status": 401, "error": {"code": -2015}}, Refused(request_id=7, status=401, code="-2015")),
        ({"event": SHUTDOWN}, ServerShutdown()),
        (SHUTDOWN, ServerShutdown()),
        ({"subscriptionId": 0, "event": {"e": "x"}}, PushedEvent(subscription_id=0, event={"e": "x"})),
        ({"event": {"e": "x"}}, PushedEvent(subscription_id=None, event={"e": "x"})),
        ({"e": "ACCOUNT_UPDATE"}, PushedEvent(subscription_id=None, event={"e": "ACCOUNT_UPDATE"})),
    ],
)
def test_a_frame_is_read(said: object, frame: object) -> None:
    """Answers, refusals, the end of a key, shutdown notices and events each have their own value."""
    assert read_ws_frame(json.dumps(said)) == frame


@pytest.mark.parametrize(
    ("raw", "look"),
    [
        (b"\x00\x01", "binary"),
        ("", "no JSON object"),
        ("<html><title>502 Bad Gateway</title></html>", "no JSON object"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ('{"id": 1, "status": ' + "9" * 5000 + "}", "no JSON object"),
        ("{}", "neither answer nor event"),
        ('{"status": 200, "result": {}}', "neither answer nor event"),
        ('{"id": null, "status": 200, "result": {}}', "answer to nobody"),
        ('{"id": "a name", "status": 200, "result": {}}', "answer to nobody"),
        ('{"event": 5}', "event without content"),
    ],
)
def test_what_is_not_understood_is_a_value(raw: str | bytes, look: str) -> None:
    """Anything else is an unknown frame that says what it looks like and how long it is."""
    assert read_ws_frame(raw) == UnknownFrame(look=look, size=len(raw))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NEAR = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("id", "status", "result", "error", "rateLimits", "event", "e", "subscriptionId"), _JSON),
)


@given(st.text() | st.binary() | _NEAR.map(json.dumps))
def test_no_frame_raises(raw: str | bytes) -> None:
    """Whatever comes, it is a value."""
    frame = read_ws_frame(raw)
    if isinstance(frame, Refused | Revoked):
        assert isinstance(ws_refusal(frame, NOW_MS), P2pbotError)


@pytest.mark.parametrize(
    ("frame", "error", "wait_s"),
    [
        (Revoked(code="-2015", message="Invalid API-key"), KeyRefused, None),
        (Revoked(), KeyRefused, None),
        (Refused(request_id=1, status=400, code="-1021"), ClockSkew, None),
        (Refused(request_id=1, status=400, code="-1022"), KeyRefused, None),
        (Refused(request_id=1, status=401, code="-2014"), KeyRefused, None),
        (Refused(request_id=1, status=403), KeyRefused, None),
        (Refused(request_id=1, status=451), LocationRefused, None),
        (Refused(request_id=1, status=400, code="-1125"), RequestRefused, None),
        (Refused(request_id=1, status=503, code="-1008"), ExchangeUnavailable, None),
        (Refused(request_id=1, status=408, code="-1007"), ExchangeUnavailable, None),
        (Refused(request_id=1, status=429, code="-1003", retry_after_ms=NOW_MS + 9_000), RateLimited, 9.0),
        (Refused(request_id=1, status=429, code="-1003", retry_after_ms=9_000), RateLimited, 9.0),
        (Refused(request_id=1, status=400, code="-1003", retry_after_ms=9_000), RateLimited, 9.0),
        (Refused(request_id=1, status=418, code="-1003", message=f"banned until {NOW_MS + 7_000}."), RateLimited, 7.0),
        (Refused(request_id=1, status=429, code="-1003"), RateLimited, 60.0),
    ],
)
def test_a_refusal_is_the_right_error(frame: Refused | Revoked, error: type[P2pbotError], wait_s: float | None) -> None:
    """Status and code decide which error it is, and how long to be silent."""
    found = ws_refusal(frame, NOW_MS)
    assert type(found) is error
    if isinstance(found, RateLimited):
        assert found.retry_after_s == wait_s


def test_nothing_of_a_frame_is_shown() -> None:
    """A listenKey in a result, an event or a refusal does not come out of the value's repr."""
    key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
    answer = read_ws_frame(json.dumps({"id": 1, "status": 200, "result": {"listenKey": key}}))
    event = read_ws_frame(json.dumps({"e": "listenKeyExpired", "listenKey": key}))
    refused = read_ws_frame(json.dumps({"id": 1, "status": 400, "error": {"code": -1, "msg": key}}))
    assert key not in f"{answer!r}{event!r}{refused!r}"
    assert isinstance(refused, Refused)
    assert key not in str(ws_refusal(refused, NOW_MS))
