"""The world: orders open and turn, people talk, the seed decides, views show the truth."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import IllegalTransition
from p2pbot.model import Side
from p2pbot.sandbox import Fault, Life, Speaker, Turn
from tests.sandbox.stage import Stage, stage

MINUTE_MS = 60_000


def events(scene: Stage) -> list[str]:
    """Return the system events among the new pushes."""
    return [json.loads(push["content"])["type"] for push in scene.pushes() if push["type"] == "system"]


def test_an_order_tells_its_life_on_the_socket() -> None:
    """Each turn is a system frame whose content is a JSON text that names order and person."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order()
    (first,) = scene.pushes()
    content = json.loads(first["content"])
    assert (content["orderNo"], "realName" in content) == (order_no, True)
    for turn in (Turn.PAY, Turn.APPEAL, Turn.CLOSE_APPEAL, Turn.RELEASE):
        scene.world.turn(order_no, turn, scene.now_ms)
    assert events(scene) == ["seller_payed", "be_appeal", "seller_cancel_appeal_completed", "seller_completed"]
    assert scene.world.life(order_no) is Life.COMPLETED


def test_a_turn_that_cannot_be_changes_nothing() -> None:
    """An illegal turn raises, and the order stays where it was."""
    scene = stage()
    order_no = scene.open_order()
    with pytest.raises(IllegalTransition):
        scene.world.turn(order_no, Turn.RELEASE, scene.now_ms)
    assert scene.world.life(order_no) is Life.TRADING
    assert len(scene.world.chat(order_no)) == 1


def test_verification_comes_before_trading() -> None:
    """An order with extra verification opens with its event and trades after the verification."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order(kyc=True, side=Side.BUY)
    scene.world.turn(order_no, Turn.VERIFY, scene.now_ms)
    assert events(scene) == ["order_created_with_additional_kyc_maker_buy", "maker_verified_additional_kyc_buy"]


def test_an_unpaid_order_expires() -> None:
    """With payment expiry the exchange warns before the deadline and cancels at it."""
    scene = stage(payment_expiry=True)
    scene.connect()
    order_no = scene.open_order(pay_window_ms=15 * MINUTE_MS)
    scene.pushes()
    scene.pass_ms(10 * MINUTE_MS)
    assert events(scene) == ["order_about_timeout"]
    scene.pass_ms(5 * MINUTE_MS)
    assert events(scene) == ["cancelled_by_system"]
    assert scene.world.life(order_no) is Life.CANCELLED_BY_SYSTEM


def test_a_paid_order_does_not_expire() -> None:
    """Paid in time, nothing happens at the deadline."""
    scene = stage(payment_expiry=True)
    order_no = scene.open_order()
    scene.world.turn(order_no, Turn.PAY, scene.now_ms)
    scene.pass_ms(60 * MINUTE_MS)
    assert scene.world.life(order_no) is Life.PAID


def test_a_person_of_ours_is_not_the_bot() -> None:
    """What the operator types is self true with a uuid of its own, and the chat is read."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order()
    scene.world.say(order_no, "hello?", scene.now_ms)
    scene.pushes()
    scene.world.operator_says(order_no, "I am here", scene.now_ms)
    read, typed = scene.pushes()
    assert (read["content"], read["status"]) == ("hello?", "read")
    assert (typed["self"], typed["content"], len(typed["uuid"])) == (True, "I am here", 36)
    assert scene.world.unread(order_no) == 0
    assert scene.world.chat(order_no)[-1].by is Speaker.OPERATOR


def test_an_answer_of_the_counterparty_marks_ours_as_read() -> None:
    """Our message comes again with the status read when they write."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order()
    scene.write(order_no, "Hello", "u-1")
    scene.pushes()
    scene.world.say(order_no, "hi", scene.now_ms)
    again, new = scene.pushes()
    assert (again["uuid"], again["status"], again["self"]) == ("u-1", "read", True)
    assert new["content"] == "hi"


def test_a_recalled_message_leaves_the_history() -> None:
    """The recall is a message of its own; the one taken back is gone from the history, not from the truth."""
    scene = stage()
    order_no = scene.open_order()
    said = scene.world.say(order_no, "oops", scene.now_ms)
    assert scene.world.unread(order_no) == 1
    scene.world.recall(order_no, said, scene.now_ms)
    assert scene.world.unread(order_no) == 1  # the word of the recall; the message itself is gone
    assert [row["type"] for row in scene.history(order_no)] == ["recall", "system"]
    assert [(line.kind, line.recalled) for line in scene.world.chat(order_no)[1:]] == [
        ("text", True),
        ("recall", False),
    ]
    with pytest.raises(KeyError):
        scene.world.recall(order_no, 1, scene.now_ms)


def test_ids_increase() -> None:
    """A later message has a higher id."""
    scene = stage()
    order_no = scene.open_order()
    ids = [scene.world.say(order_no, "x", scene.now_ms) for _ in range(50)]
    assert ids == sorted(set(ids))


def told(seed: int) -> tuple[list[Any], list[Any]]:
    """Return the pushes and the history of a short talk."""
    scene = stage(seed=seed, variety=True)
    scene.connect()
    order_no = scene.open_order()
    for text in ("one", "two", "three"):
        scene.world.say(order_no, text, scene.now_ms)
    return scene.pushes(), scene.history(order_no)


@given(st.integers(0, 2**32))
def test_one_seed_makes_one_world(seed: int) -> None:
    """The same calls with the same seed give the same frames, noise and repeats included."""
    assert told(seed) == told(seed)


def test_seeds_differ() -> None:
    """Half of the orders have ids as numbers; every other form occurs too."""
    scene = stage(variety=True)
    scene.connect()
    for _ in range(100):
        scene.open_order()
    frames = [push for push in scene.pushes() if isinstance(push, dict) and push.get("type") == "system"]
    numbers = sum(isinstance(frame["id"], int) for frame in frames)
    assert 0.3 < numbers / len(frames) < 0.7
    assert {"orderNo" in frame for frame in frames} == {True, False}
    assert {"self" in frame for frame in frames} == {True, False}
    assert {"fromNickname" in frame for frame in frames} == {True, False}
    kinds = {json.loads(frame["content"])["type"] for frame in frames}
    assert {"seller_merchant_trading", "seller_user_trading_with_ref"} <= kinds


@pytest.mark.parametrize(
    "deed",
    [
        lambda scene: scene.world.say("1", "x", scene.now_ms),
        lambda scene: scene.open_order("nobody"),
        lambda scene: scene.world.inject(Fault("drop", account="nobody"), scene.now_ms),
        lambda scene: scene.world.inject(Fault("swallow", order="1"), scene.now_ms),
        lambda scene: scene.world.chat("1"),
    ],
)
def test_what_is_not_there_is_a_sentence(deed: Any) -> None:
    """An unknown order or account is a KeyError that names it."""
    with pytest.raises(KeyError, match="the sandbox has no"):
        deed(stage())


def test_an_order_number_is_taken_once() -> None:
    """Numbers are unique across accounts."""
    scene = stage()
    scene.open_order(number="42")
    with pytest.raises(ValueError, match="exists already"):
        scene.open_order("other", number="42")


def test_a_giant_text_is_refused() -> None:
    """One call cannot fill the memory; a text of more than 64 kB still passes."""
    scene = stage()
    order_no = scene.open_order()
    scene.world.say(order_no, "x" * 100_000, scene.now_ms)
    with pytest.raises(ValueError, match="characters"):
        scene.world.say(order_no, "x" * 200_001, scene.now_ms)


def test_no_secret_shows_in_a_repr() -> None:
    """Keys, tokens, texts and names stay out of every repr."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order()
    scene.write(order_no, "private words")
    account = scene.world._state.accounts["main"]
    shown = repr((account, scene.world.received("main"), scene.world.chat(order_no), scene.world.take_effects()))
    for secret in (account.spec.api_key, account.spec.hmac_secret, account.listen_key, "private words", "SIMULATED P"):
        assert secret not in shown
