"""What every store tells the daily summary: decisions in shadow by rule and order, and what no rule took."""

from __future__ import annotations

from dataclasses import replace

from p2pbot.conversation.records import OutboxState
from p2pbot.conversation.summary import Rehearsed
from p2pbot.model import Reason
from p2pbot.ports import Store
from tests.contracts.conftest import StoreWorld
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry, reply

OTHER_ORDER = "20476365073825144833"
HOUR_MS = 3_600_000


async def decide(
    store: Store,
    message_id: str,
    *rules: str,
    order_no: str = ORDER,
    at_ms: int = NOW_MS,
    state: OutboxState = OutboxState.SHADOW,
    account: str = ACCOUNT,
) -> None:
    """Decide a message: each rule has one bubble."""
    rows = [
        replace(
            reply(f"{account}-{message_id}-{at}", state=state, order_no=order_no, account=account, at_ms=at_ms),
            rule_id=rule,
            stimulus_key=f"m:{message_id}",
        )
        for at, rule in enumerate(rules)
    ]
    reason = Reason.SHADOW if rules else Reason.NO_RULE
    await store.claim(claim(entry(message_id, order_no=order_no, account=account, at_ms=at_ms, reason=reason), *rows))


async def test_decisions_in_shadow_are_counted_by_rule_and_order(world: StoreWorld) -> None:
    """Two bubbles of one rule are one answer; sent replies do not count; a restart changes nothing."""
    store = world.store
    await decide(store, "1", "hello", "hello")
    await decide(store, "2", "hello", "paid")
    await decide(store, "3", "hello", order_no=OTHER_ORDER)
    await decide(store, "4", "hello", state=OutboxState.CLAIMED)
    await decide(store, "5")
    await decide(store, "6", account="shop-2")
    wanted = (
        Rehearsed(account=ACCOUNT, order_no=ORDER, times=1),
        Rehearsed(account=ACCOUNT, rule_id="hello", order_no=ORDER, times=2),
        Rehearsed(account=ACCOUNT, rule_id="hello", order_no=OTHER_ORDER, times=1),
        Rehearsed(account=ACCOUNT, rule_id="paid", order_no=ORDER, times=1),
        Rehearsed(account="shop-2", order_no=ORDER, times=1),
    )
    assert await store.rehearsed(NOW_MS, NOW_MS + 1) == wanted
    assert await (await world.restart()).rehearsed(NOW_MS, NOW_MS + 1) == wanted


async def test_the_span_is_half_open(store: Store) -> None:
    """What was decided at its beginning belongs to it, what was decided at its end to the next."""
    for number, at_ms in enumerate((NOW_MS - 1, NOW_MS, NOW_MS + HOUR_MS - 1, NOW_MS + HOUR_MS)):
        await decide(store, f"a{number}", "hello", at_ms=at_ms)
        await decide(store, f"b{number}", at_ms=at_ms)
    found = await store.rehearsed(NOW_MS, NOW_MS + HOUR_MS)
    assert [(row.rule_id, row.times) for row in found] == [("", 2), ("hello", 2)]
