"""Frames of the WebSocket API, the errors that its refusals are, and the parser of every call's result."""

from __future__ import annotations

import json
from math import isfinite
from random import Random
from typing import Any

from p2pbot import errors
from p2pbot.protocol import ws_calls
from p2pbot.protocol.refusals import LONGEST_WAIT_S
from p2pbot.protocol.ws_answers import (
    FuturesAccount,
    FuturesBalance,
    FuturesOrder,
    FuturesPosition,
    SessionStatus,
    SpotAccount,
)
from p2pbot.protocol.ws_call import WsCall
from p2pbot.protocol.ws_frames import Answered, PushedEvent, Refused, Revoked, UnknownFrame, read_ws_frame, ws_refusal
from p2pbot.secret import Secret
from tests.fuzz.corpus import LISTEN_KEY, NOW_MS, SECRETS
from tests.fuzz.mutation import harmed_json, pick, trees
from tests.fuzz.shapes import check, text_ok
from tests.fuzz.target import Input, Target
from tests.fuzz.targets.rest import REFUSALS
from tests.fuzz.trees import Tree

_LIMITS = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": 70}]
_ERROR = {"code": -1003, "msg": f"banned until {NOW_MS + 9000}. {SECRETS[0]}", "data": {"retryAfter": NOW_MS + 9000}}
_FRAMES = trees(
    {"id": 1, "status": 200, "result": {"listenKey": LISTEN_KEY}, "rateLimits": _LIMITS},
    {"id": 2, "status": 400, "error": {"code": -1125, "msg": "This listenKey does not exist."}, "rateLimits": _LIMITS},
    {"id": 3, "status": 418, "error": _ERROR},
    {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}},
    {"event": {"e": "serverShutdown", "E": NOW_MS}},
    {"subscriptionId": 0, "event": {"e": "outboundAccountPosition", "E": NOW_MS, "B": [{"a": "USDT", "f": "1.5"}]}},
)
_ASSET = {"asset": "USDT", "walletBalance": "126.7", "crossWalletBalance": "100.5", "availableBalance": "90"}
_POSITION = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.01", "entryPrice": "9", "x": None}
_ORDER = {"symbol": "BTCUSDT", "orderId": 8389765519203519000, "clientOrderId": "h", "status": "NEW", "origQty": "1"}
_SESSION = {"apiKey": SECRETS[0], "authorizedSince": NOW_MS, "connectedSince": NOW_MS, "serverTime": NOW_MS}
RESULTS: dict[str, tuple[WsCall[Any], Any, Tree]] = {
    name: (call, declared, trees(sound)[0])
    for name, call, declared, sound in (
        ("session", ws_calls.session_status(), SessionStatus, _SESSION),
        ("key", ws_calls.start_listen_key(), Secret, {"listenKey": "a1" * 32}),
        ("account", ws_calls.futures_account(), FuturesAccount, {"assets": [_ASSET], "positions": [_POSITION]}),
        ("balances", ws_calls.futures_balances(), tuple[FuturesBalance, ...], [{"asset": "USDT", "balance": "1"}]),
        ("positions", ws_calls.futures_positions(), tuple[FuturesPosition, ...], [_POSITION, _POSITION]),
        ("order", ws_calls.futures_order("BTCUSDT", order_id=1), FuturesOrder, _ORDER),
        (
            "spot",
            ws_calls.spot_account(),
            SpotAccount,
            {"balances": [{"asset": "USDT", "free": "1.5", "locked": "0"}]},
        ),
        ("subscription", ws_calls.spot_subscribe(logged_on=True), int, {"subscriptionId": 0}),
    )
}
_NAMES = tuple(RESULTS)


def _a_frame(rng: Random) -> Input:
    return (harmed_json(_FRAMES[int(rng.random() * len(_FRAMES))], rng),)


def _judge_frame(given: Input) -> str:
    frame = read_ws_frame(given[0])
    assert not any(secret in repr(frame) for secret in SECRETS), "a value shows a secret"
    match frame:
        case Refused() | Revoked():
            error = ws_refusal(frame, NOW_MS)
            assert isinstance(error, REFUSALS), type(error)
            text_ok(str(error), "error", 1000)
            assert SECRETS[0] not in str(error), "an error quotes a key"
            if isinstance(error, errors.RateLimited):
                assert isfinite(error.retry_after_s)
                assert 0 < error.retry_after_s <= LONGEST_WAIT_S
            return f"{type(frame).__name__} {type(error).__name__}"
        case Answered(request_id=one, weight=weight):
            check(one, int)
            assert weight is None or (weight.used >= 0 and weight.limit > 0)
            return f"answer {weight is None}"
        case PushedEvent(subscription_id=number):
            return f"event {number is None}"
        case UnknownFrame(look=look, size=size):
            assert size == len(given[0])
            return look
    return type(frame).__name__


def _a_result(rng: Random) -> Input:
    name = pick(rng, _NAMES)
    return name, harmed_json(RESULTS[name][2], rng)


def _judge_result(given: Input) -> str:
    name, text = given
    call, declared, _ = RESULTS[name]
    frame = read_ws_frame(f'{{"id": 1, "status": 200, "result": {text}}}')
    if not isinstance(frame, Answered):
        return f"{name} no answer"
    try:
        value = call.parse(frame.result)
    except errors.AnswerMalformed as error:
        text_ok(str(error), "error", 200)
        return f"{name} malformed"
    check(value, declared)
    assert not isinstance(value, Secret) or value.reveal().isascii(), "a listenKey that no address can hold"
    return f"{name} {json.dumps(text[:1])} {bool(value)}"


FRAME = Target("ws-frame", _a_frame, _judge_frame)
RESULT = Target("ws-result", _a_result, _judge_result)
