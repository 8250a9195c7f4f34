"""Requests fail while the chat lives, and while it must be opened: bans, empty answers, pages, garbage, silence."""

from __future__ import annotations

from itertools import dropwhile
from typing import Any

import pytest

from p2pbot.sandbox import CallSeen, Fault, World
from tests.faults.trial import Trial, some

BAN_S = 3
UNDER_WAY = 5  # calls: of the four scan workers and of the orders loop; a ban tells nothing to what has left
OUTAGES: dict[str, dict[str, Any]] = {
    "rest_429": {"retry_after_s": BAN_S},
    "rest_418": {"retry_after_s": BAN_S},
    "rest_5xx": {"status": 503},
    "rest_empty_200": {},
    "rest_html": {},
    "rest_garbage": {},
    "rest_timeout": {"hold_ms": 30_000},
    "rest_drop": {},
}


@pytest.mark.parametrize("name", some(OUTAGES, "rest_5xx", "rest_empty_200", "rest_timeout"))
async def test_outage_while_the_chat_lives(trial: Trial, name: str) -> None:
    """Messages that come by the chat wait for their order's facts, and are answered when the outage is over."""
    box = trial.scene.box
    order_no = trial.orders[0]
    async with trial.daemon():
        standing = await box.inject(Fault(name, account="main", **OUTAGES[name]))
        await box.system(order_no, "order_about_timeout")  # a card makes what is known of the order stale
        await trial.ask(2)
        await trial.until(lambda: trial.said("orders_unavailable"), "the list of orders fails")
        await box.clear_faults(standing)
        await trial.verdict()


@pytest.mark.parametrize("name", some(OUTAGES, "rest_5xx", "rest_418", "rest_garbage"))
async def test_outage_while_the_chat_is_down(trial: Trial, name: str) -> None:
    """Without a credential there is no chat; what was said meanwhile is read from the history afterwards."""
    box = trial.scene.box
    async with trial.daemon():
        standing = await box.inject(Fault(name, account="main", **OUTAGES[name]))
        await box.inject(Fault("drop", account="main"))
        await trial.ask(2)
        before = len(box.world.rest_calls("main", "retrieveChatCredential"))
        await trial.until(
            lambda: len(box.world.rest_calls("main", "retrieveChatCredential")) > before, "a credential is asked for"
        )
        await trial.until(lambda: len(trial.lines()) > 0 and not trial.scene.account().chat.online, "the chat is down")
        await box.clear_faults(standing)
        await trial.verdict()


@pytest.mark.parametrize("name", some(["rest_429", "rest_418"], "rest_429"))
async def test_nothing_is_sent_during_a_ban(trial: Trial, name: str) -> None:
    """One answer 429 or 418 silences every call until its Retry-After is over, but those that were under way."""
    box = trial.scene.box
    async with trial.daemon():
        standing = await box.inject(Fault(name, account="main", retry_after_s=BAN_S, count=1))
        await trial.until(lambda: trial.said("orders_unavailable"), "a call is refused")
        await trial.ask()
        await box.clear_faults(standing)
        await trial.verdict()
        await trial.until(lambda: bool(_ended_the_silence(box.world)), "a call is made again")
    assert len(_since_ban(box.world)) - len(_ended_the_silence(box.world)) <= UNDER_WAY


def _ended_the_silence(world: World) -> list[CallSeen]:
    """All calls after the time for which the exchange asked."""
    refused, *others = _since_ban(world)
    return [call for call in others if call.at_ms - refused.at_ms >= BAN_S * 1000]


def _since_ban(world: World) -> list[CallSeen]:
    """All calls from the first that was refused for their number."""
    return list(dropwhile(lambda call: call.status not in (418, 429), world.rest_calls("main")))


@pytest.mark.long
@pytest.mark.parametrize("name", ["rest_451", "key_refused"])
async def test_outage_that_a_person_must_mend(trial: Trial, name: str) -> None:
    """A refused key or country is told to the operator and asked about slowly; mended, all is answered."""
    box = trial.scene.box
    async with trial.daemon():
        standing = await box.inject(Fault(name, account="main"))
        await box.inject(Fault("drop", account="main"))
        await trial.ask(2)
        await trial.until(lambda: trial.said("operator.notice"), "the operator is told")
        await box.clear_faults(standing)
        await trial.until(lambda: trial.connects(101) > 0, "the chat is open again", timeout_s=180)
        await trial.verdict()
