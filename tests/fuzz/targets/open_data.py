"""Open data: what the exchange answers, up to the private key, and the merchant's file of open ids."""

from __future__ import annotations

import base64
import json
from random import Random

from p2pbot import errors
from p2pbot.config.open_ids import OpenIds, parse_open_ids, with_order
from p2pbot.protocol.envelope import HttpAnswer
from p2pbot.protocol.open_data import read_sealed
from p2pbot.protocol.sealed_data import OpenDataKey
from p2pbot.secret import Secret
from tests.fakes.mini_program import private_pem
from tests.fuzz.corpus import SECRETS
from tests.fuzz.mutation import harmed_json, harms, pick, trees
from tests.fuzz.shapes import text_ok
from tests.fuzz.target import Input, Target
from tests.fuzz.targets.rest import body_of

_SEALED = base64.b64encode(bytes(range(256))).decode()
_ANSWERS = trees(
    {"code": "000000", "message": None, "data": {"userData": _SEALED}, "success": True},
    *(
        {"code": code, "message": f"no {SECRETS[0]}", "data": None, "success": False}
        for code in ("900001", "900002", "900003", "900200", "900201", "123456")
    ),
)
_STATUSES = (*("200",) * 6, "400", "401", "403", "418", "429", "451", "500", "302", "0")
_FILE = """\
# ours
customers:
  - {order: "20476365073825144832", open_id: oXk29dQe7Rb1TzLw8Mn3Vc}
  - {nickname: ann, open_id: "oAbQ77dQe7Rb1TzLw8Mn3Vd"}
  - order: 5
    open_id: oCc
"""
_KEYS: list[OpenDataKey] = []  # one, made when it is first needed


def _an_answer(rng: Random) -> Input:
    body = harmed_json(_ANSWERS[int(rng.random() * len(_ANSWERS))], rng)
    return pick(rng, _STATUSES), body if rng.random() < 0.97 else pick(rng, ("", "<html>", "null", "\udcff"))


def _judge_answer(given: Input) -> str:
    status, body = given
    sealed = _outcome(HttpAnswer(status=int(status), body=body_of(body)))
    if isinstance(sealed, errors.P2pbotError):
        assert not isinstance(sealed, errors.OurError), "a bug of ours for an answer of theirs"
        text_ok(str(sealed), "error", 1000)
        assert SECRETS[0] not in str(sealed), "an error quotes the exchange"
        return type(sealed).__name__
    assert json.loads(body_of(body).decode("utf-8-sig", "replace"))["data"]["userData"] == sealed
    try:
        _key().open_id(sealed)
    except errors.ConfigError:
        return "sealed for another"
    raise AssertionError("an answer that nobody sealed for this key opened")


def _outcome(http: HttpAnswer) -> str | errors.P2pbotError:
    try:
        return read_sealed(http)
    except errors.P2pbotError as error:
        return error


def _key() -> OpenDataKey:
    if not _KEYS:
        _KEYS.append(OpenDataKey(Secret(private_pem())))
    return _KEYS[0]


def _a_file(rng: Random) -> Input:
    return (harms(_FILE, rng, 6),)


def _judge_file(given: Input) -> str:
    found = parse_open_ids(given[0], "ids.yaml")
    if not isinstance(found, OpenIds):
        assert found, "refused without a word"
        for finding in found:
            assert 1 <= finding.position.line <= len(given[0].splitlines()) + 1
        return "refused"
    try:
        longer = with_order(given[0], "ids.yaml", "77", "oNew")
    except errors.OperatorError as error:
        text_ok(str(error), "error", 1000)
        return f"not added: {type(error).__name__}"
    after = parse_open_ids(longer, "ids.yaml")
    assert isinstance(after, OpenIds)
    assert dict(after.by_order) == {**found.by_order, "77": "oNew"}, "what was there has changed"
    assert after.by_nickname == found.by_nickname, "what was there has changed"
    return f"added to {len(found.by_order)}"


ANSWER = Target("open-data", _an_answer, _judge_answer)
FILE = Target("open-ids", _a_file, _judge_file)
