"""What is known of the account: gaps, snapshots, events, ages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.account_facts import MARGIN_CALL_MS, AccountFacts
from p2pbot.model import Unknown
from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    AccountUpdate,
    FuturesBalance,
    FuturesPosition,
    MarginCall,
    OrderState,
    OrderUpdate,
    Source,
    SpotBalance,
    SpotBalances,
)
from p2pbot.rules.figures import found

_T = 1_767_596_400_000
_BOTH = (Source.FUTURES, Source.SPOT)


def connected(*sources: Source, snapshot: AccountSnapshot | None = None) -> AccountFacts:
    """Return facts whose sources are known since _T."""
    facts = AccountFacts(sources or _BOTH)
    for source in sources or _BOTH:
        facts.gap_opened(source, _T - 500)
        facts.snapshot(source, snapshot or AccountSnapshot(as_of_ms=_T - 100))
        facts.gap_closed(source, _T)
    return facts


def an_order(client_order_id: str, status: str, at_ms: int = _T) -> OrderUpdate:
    """Return an execution report."""
    return OrderUpdate(
        at_ms=at_ms, transacted_ms=at_ms, symbol="BTCUSDT", order_id="1", client_order_id=client_order_id, status=status
    )


def test_a_snapshot_and_what_follows_it_is_known() -> None:
    """Balances, positions and orders, each under the name that rules use."""
    orders = (OrderState(symbol="BTCUSDT", order_id="7", client_order_id="hedge-1", status="NEW"),)
    snapshot = AccountSnapshot(
        as_of_ms=_T, balances={"USDT": Decimal(5)}, positions={"BTCUSDT": Decimal(-2)}, orders=orders
    )
    facts = connected(Source.FUTURES, snapshot=snapshot)
    balances = (FuturesBalance(asset="USDT", wallet=Decimal(4)),)
    positions = (FuturesPosition(symbol="ETHUSDT", amount=Decimal(1)),)
    facts.event(Source.FUTURES, AccountUpdate(at_ms=_T, transacted_ms=_T, balances=balances, positions=positions))
    facts.event(Source.FUTURES, an_order("hedge-1", "FILLED"))
    figures = facts.figures(_T).futures
    assert found(figures, "balance.USDT") == 4
    assert found(figures, "position.BTCUSDT") == -2
    assert found(figures, "position.ETHUSDT") == 1
    assert found(figures, "position.SOLUSDT") == 0
    assert found(figures, "order.hedge-1") == "filled"
    assert found(figures, "balance.BTC") == 0


def test_both_sides_of_a_hedged_symbol_are_known_and_their_sum() -> None:
    """``position.BTCUSDT`` is what is left of long and short."""
    positions = {"BTCUSDT.LONG": Decimal(3), "BTCUSDT.SHORT": Decimal(-2)}
    figures = connected(Source.FUTURES, snapshot=AccountSnapshot(as_of_ms=_T, positions=positions)).figures(_T).futures
    assert [found(figures, f"position.BTCUSDT{side}") for side in (".LONG", ".SHORT", "")] == [3, -2, 1]


def test_spot_is_what_is_free_and_what_orders_hold() -> None:
    """An event names the new balances of the assets that it names."""
    snapshot = AccountSnapshot(
        as_of_ms=_T, balances={"USDT": Decimal(5), "BTC": Decimal(1)}, locked={"USDT": Decimal(2)}
    )
    facts = connected(Source.SPOT, snapshot=snapshot)
    told = (SpotBalance(asset="USDT", free=Decimal(7), locked=Decimal(0)),)
    facts.event(Source.SPOT, SpotBalances(at_ms=_T, updated_ms=_T, balances=told))
    figures = facts.figures(_T).spot
    names = ("free.USDT", "free.BTC", "free.ETH", "locked.USDT", "locked.BTC")
    assert [found(figures, name) for name in names] == [7, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("sources", "balance"),
    [((Source.FUTURES, Source.SPOT), 1), ((Source.FUTURES,), 2), ((Source.SPOT,), 1), ((), None)],
)
def test_the_wallet_is_that_of_spot_or_else_that_of_futures(sources: tuple[Source, ...], balance: int | None) -> None:
    """``balance`` never mixes the two."""
    facts = AccountFacts(sources)
    for source in sources:
        amount = Decimal(1 if source is Source.SPOT else 2)
        facts.snapshot(source, AccountSnapshot(as_of_ms=_T, balances={"USDT": amount}))
        facts.gap_closed(source, _T)
    assert facts.figures(_T).balance.get("USDT") == balance


def test_while_a_gap_is_open_nothing_of_its_source_is_known() -> None:
    """Events that come meanwhile do not make it known, only the end of the gap does; the other source is untouched."""
    facts = connected(snapshot=AccountSnapshot(as_of_ms=_T, balances={"USDT": Decimal(1)}))
    facts.gap_opened(Source.FUTURES, _T + 1_000)
    balances = (FuturesBalance(asset="USDT", wallet=Decimal(4)),)
    facts.event(Source.FUTURES, AccountUpdate(at_ms=_T, transacted_ms=_T, balances=balances))
    figures = facts.figures(_T + 13_000)
    assert (figures.futures, figures.notes["futures"]) == ({}, "the futures stream is interrupted for 12s")
    assert found(figures.spot, "free.USDT") == 1
    facts.gap_closed(Source.FUTURES, _T + 20_000)
    assert found(facts.figures(_T + 20_000).futures, "balance.USDT") == 4


def test_orders_that_a_snapshot_does_not_name_are_forgotten() -> None:
    """What became of them during the gap, nobody told."""
    facts = connected(Source.FUTURES)
    facts.event(Source.FUTURES, an_order("hedge-1", "NEW"))
    facts.snapshot(Source.FUTURES, AccountSnapshot(as_of_ms=_T))
    assert found(facts.figures(_T).futures, "order.hedge-1") is None


def test_of_several_orders_the_one_heard_of_last_counts() -> None:
    """Also when an older one is heard of again."""
    facts = connected(Source.FUTURES)
    for name, status in (("hedge-1", "NEW"), ("hedge-2", "NEW"), ("hedge-1", "FILLED")):
        facts.event(Source.FUTURES, an_order(name, status))
    assert found(facts.figures(_T).futures, "order.hedge-*") == "filled"


def test_the_states_of_orders_are_bounded() -> None:
    """The oldest make room."""
    facts = connected(Source.FUTURES)
    for number in range(600):
        facts.event(Source.FUTURES, an_order(f"grid-{number}", "NEW"))
    figures = facts.figures(_T).futures
    assert (found(figures, "order.grid-99"), found(figures, "order.grid-100")) == (None, "new")


@pytest.mark.parametrize(
    ("called_ms", "now_ms", "known"),
    [
        (_T, _T, True),
        (_T, _T + MARGIN_CALL_MS - 1, True),
        (_T, _T + MARGIN_CALL_MS, False),
        (None, _T + MARGIN_CALL_MS - 1, None),
        (None, _T + MARGIN_CALL_MS, False),
    ],
)
def test_a_margin_call_counts_for_a_while_and_its_absence_takes_as_long_to_know(
    called_ms: int | None,
    now_ms: int,
    known: bool | None,  # noqa: FBT001 - a table
) -> None:
    """No snapshot tells of one, so right after a gap there may have been one."""
    facts = connected(Source.FUTURES)
    if called_ms is not None:
        facts.event(Source.FUTURES, MarginCall(at_ms=called_ms))
    assert found(facts.figures(now_ms).futures, "margin_call") is known


def test_ages_are_those_of_the_last_word() -> None:
    """What is not switched on, was never read, is old or is interrupted says so."""
    facts = AccountFacts((Source.FUTURES,))
    assert facts.figures(_T).notes["spot"] == "it is not switched on in the configuration"
    assert facts.figures(_T).notes["futures"] == "not read yet"
    facts.gap_opened(Source.FUTURES, _T)
    facts.gap_opened(Source.FUTURES, _T + 5_000)
    assert facts.figures(_T + 150_000).notes["futures"] == "not read yet"
    facts.snapshot(Source.FUTURES, AccountSnapshot(as_of_ms=_T))
    facts.gap_closed(Source.FUTURES, _T)
    facts.event(Source.FUTURES, Unknown({}))
    assert facts.notes(_T + 90_000)["balance"] == "told 90s ago"
    facts.gap_opened(Source.FUTURES, _T)
    facts.gap_opened(Source.FUTURES, _T + 5_000)
    assert facts.notes(_T + 150_000)["futures"] == "the futures stream is interrupted for 2m"


def test_more_than_an_account_has_is_not_used() -> None:
    """A peer that names assets without end does not fill the memory with facts that rules trust."""
    snapshot = AccountSnapshot(as_of_ms=_T, balances={f"A{number}": Decimal(1) for number in range(5_001)})
    facts = connected(Source.SPOT, snapshot=snapshot)
    figures = facts.figures(_T)
    assert (dict(figures.balance), facts.known(Source.SPOT)) == ({}, False)
    assert figures.notes["balance"] == "there are more figures than an account has"


_STEPS = st.lists(st.sampled_from(["gap_opened", "snapshot", "event", "gap_closed"]), max_size=12)


@given(_STEPS)
def test_figures_are_known_exactly_while_no_gap_is_open(steps: list[str]) -> None:
    """Whatever order things are told in."""
    facts, known = AccountFacts((Source.SPOT,)), False
    for at, step in enumerate(steps):
        if step == "snapshot":
            facts.snapshot(Source.SPOT, AccountSnapshot(as_of_ms=at, balances={"USDT": Decimal(at)}))
        elif step == "event":
            told = (SpotBalance(asset="USDT", free=Decimal(at)),)
            facts.event(Source.SPOT, SpotBalances(at_ms=at, updated_ms=at, balances=told))
        else:
            getattr(facts, step)(Source.SPOT, at)
            known = step == "gap_closed"
        assert facts.known(Source.SPOT) is known
        assert known or not facts.figures(at).balance


def test_what_a_broken_source_told_can_be_thrown_away_and_the_other_kept() -> None:
    """It is unknown from that moment, in words too; a snapshot makes it known again."""
    facts = connected(snapshot=AccountSnapshot(as_of_ms=_T, balances={"USDT": Decimal(1)}))
    after = facts.without(Source.FUTURES, _T + 1_000)
    figures = after.figures(_T + 3_000)
    assert (dict(figures.futures), found(figures.spot, "free.USDT")) == ({}, 1)
    assert figures.notes["futures"] == "the futures stream is interrupted for 2s"
    after.snapshot(Source.FUTURES, AccountSnapshot(as_of_ms=_T))
    after.gap_closed(Source.FUTURES, _T)
    assert after.known(Source.FUTURES)


def test_what_a_snapshot_with_a_hole_does_not_name_is_not_known() -> None:
    """An asset or a position whose row could not be read is not taken for zero, nor one side for both."""
    hole = AccountSnapshot(
        as_of_ms=_T, balances={"USDT": Decimal(5)}, positions={"BTCUSDT.LONG": Decimal(2)}, whole=False
    )
    figures = connected(snapshot=hole).figures(_T)
    assert (found(figures.balance, "USDT"), found(figures.balance, "BNB")) == (5, None)
    assert (found(figures.futures, "position.BTCUSDT.LONG"), found(figures.futures, "position.BTCUSDT")) == (2, None)
    assert (found(figures.futures, "balance.BNB"), found(figures.spot, "free.BNB")) == (None, None)
    mended = connected(snapshot=AccountSnapshot(as_of_ms=_T)).figures(_T)
    assert (found(mended.balance, "BNB"), found(mended.futures, "position.BTCUSDT")) == (0, 0)
