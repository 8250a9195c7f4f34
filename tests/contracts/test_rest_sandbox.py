"""The REST door against the sandbox exchange, which was written from the protocol document alone. TLS is on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from p2pbot.errors import (
    AnswerMalformed,
    ExchangeUnavailable,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    TimedOut,
)
from p2pbot.model import ChatMessage, MessageKind, OrderStatus, Side
from p2pbot.protocol import calls
from p2pbot.protocol.signing import hmac_signer
from p2pbot.sandbox import Dialect, Fault, OrderSpec, PaymentSpec, PersonSpec
from p2pbot.secret import Secret
from tests.fakes.exchange import Exchange, running_exchange


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    """Run the sandbox with all its varieties of answers."""
    async with running_exchange(tmp_path) as running:
        yield running


@pytest.mark.parametrize("account", ["main", "rsa", "ed25519"])
async def test_every_kind_of_key_signs(exchange: Exchange, account: str) -> None:
    """HMAC, RSA and Ed25519 signatures are all verified by the exchange."""
    credential = await exchange.rest(account).call(calls.chat_credential())
    assert credential.wss_url == exchange.sandbox.chat_url


async def test_credentials_share_the_key_and_not_the_token(exchange: Exchange) -> None:
    """The listenKey is the account's, the token is new each time."""
    rest = exchange.rest()
    one, other = await rest.call(calls.chat_credential()), await rest.call(calls.chat_credential())
    assert one.listen_key == other.listen_key
    assert one.listen_token != other.listen_token


async def test_a_wrong_secret_is_explained(exchange: Exchange) -> None:
    """A secret that does not belong to the key is refused as such."""
    rest = exchange.rest(signer=hmac_signer(Secret("another")))
    with pytest.raises(KeyRefused, match="signature"):
        await rest.call(calls.chat_credential())


async def test_an_unknown_key_is_explained(exchange: Exchange) -> None:
    """A key that the exchange does not know is refused as such."""
    with pytest.raises(KeyRefused, match="does not know this API key"):
        await exchange.rest(key=Secret("stranger")).call(calls.chat_credential())


async def test_a_key_without_permission_is_explained(exchange: Exchange) -> None:
    """A key that may not do P2P is refused with the three possible causes."""
    with pytest.raises(KeyRefused, match="permission"):
        await exchange.rest("barred").call(calls.list_orders("barred"))


async def test_an_account_that_is_no_merchant_gets_nothing(exchange: Exchange) -> None:
    """An empty 200 is an error, never an empty success."""
    with pytest.raises(ExchangeUnavailable, match="nothing"):
        await exchange.rest("private").call(calls.chat_credential())


@pytest.mark.parametrize("pay_fields_key", ["fields", "fieldList"])
@pytest.mark.parametrize("side", list(Side))
async def test_an_orders_facts(exchange: Exchange, side: Side, pay_fields_key: str) -> None:
    """List, detail and statistics together give every fact of an order, with the right counterparty."""
    person = PersonSpec(nickname="Ann", real_name="Ann Real", finish_rate=Decimal("0.98"), registered_days=7)
    spec = OrderSpec(
        side=side,
        asset="USDT",
        fiat="EUR",
        fiat_symbol="€",
        amount=Decimal("250.5"),
        price=Decimal("0.92"),
        counterparty=person,
        payment_methods=(PaymentSpec(fields=(("IBAN", "pay_account", "XX00"),)),),
        dialect=Dialect(pay_fields_key=pay_fields_key),
    )
    number = await exchange.sandbox.open_order("main", spec)
    rest = exchange.rest()
    page = await rest.call(calls.list_orders("main"))
    listed = next(order for order in page.orders if order.number == number)
    assert (listed.side, listed.status, listed.fiat, listed.counterparty.nickname) == (
        side,
        OrderStatus.UNPAID,
        "EUR",
        "Ann",
    )
    order = await rest.call(calls.order_detail("main", number))
    assert (order.amount, order.price, order.total) == (Decimal("250.5"), Decimal("0.92"), Decimal("230.46"))
    assert (order.counterparty.nickname, order.counterparty.real_name) == ("Ann", "Ann Real")
    assert (order.asset, order.fiat, order.fiat_symbol, order.side) == ("USDT", "EUR", "€", side)
    assert order.payment_methods is not None
    assert order.payment_methods[0].fields == (("IBAN", "pay_account", "XX00"),)
    assert order.payment_methods[0].identifier == "BANK"
    assert order.selected_payment_id == order.payment_methods[0].method_id
    assert None not in (order.created_at_ms, order.pay_deadline_ms, order.ad, order.unread)
    known = await rest.call(calls.counterparty_statistics(number))
    assert (known.completion, known.registered_days) == (Decimal("0.98"), 7)


@pytest.mark.parametrize("appeal_number", [3, 5])
async def test_an_orders_life(exchange: Exchange, appeal_number: int) -> None:
    """Each turn of an order is read as its state, whichever number an appeal has."""
    sandbox, rest = exchange.sandbox, exchange.rest()
    number = await sandbox.open_order("main", OrderSpec(dialect=Dialect(appeal_number=appeal_number)))

    async def status() -> OrderStatus:
        return (await rest.call(calls.order_detail("main", number))).status

    assert await status() is OrderStatus.UNPAID
    await sandbox.pay(number)
    assert await status() is OrderStatus.PAID
    await sandbox.appeal(number)
    assert await status() is OrderStatus.APPEAL
    await sandbox.close_appeal(number)
    await sandbox.release(number)
    assert await status() is OrderStatus.COMPLETED


async def test_cancellations(exchange: Exchange) -> None:
    """An order that was cancelled by a person or by the system is cancelled."""
    sandbox, rest = exchange.sandbox, exchange.rest()
    one, other = await sandbox.open_order("main"), await sandbox.open_order("main")
    await sandbox.cancel(one)
    await sandbox.cancel_by_system(other)
    for number in (one, other):
        assert (await rest.call(calls.order_detail("main", number))).status is OrderStatus.CANCELLED


@pytest.mark.parametrize(
    "wanted", [OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.APPEAL, OrderStatus.COMPLETED, OrderStatus.CANCELLED]
)
async def test_lists_by_state(exchange: Exchange, wanted: OrderStatus) -> None:
    """Asking for a state lists the orders that are in it, and only these."""
    sandbox = exchange.sandbox
    numbers = [await sandbox.open_order("main") for _ in range(5)]
    for number in numbers[1:4]:
        await sandbox.pay(number)
    await sandbox.appeal(numbers[2])
    await sandbox.release(numbers[3])
    await sandbox.cancel(numbers[4])
    by_status = dict(zip([*OrderStatus][:5], numbers, strict=True))
    page = await exchange.rest().call(calls.list_orders("main", statuses=[wanted]))
    assert {order.number for order in page.orders} == {by_status[wanted]}


async def test_orders_by_page(exchange: Exchange) -> None:
    """Pages do not overlap, and the total is of all pages."""
    opened = {await exchange.sandbox.open_order("main") for _ in range(7)}
    rest = exchange.rest()
    pages = [await rest.call(calls.list_orders("main", page=page, rows=3)) for page in (1, 2, 3)]
    assert [page.rows for page in pages] == [3, 3, 1]
    assert {order.number for page in pages for order in page.orders} == opened
    assert {page.total for page in pages} == {7}


async def test_the_public_history_has_words_and_no_names(exchange: Exchange) -> None:
    """The public order history writes states as words and masks nicknames: these are left out."""
    sandbox = exchange.sandbox
    number = await sandbox.open_order("main")
    await sandbox.pay(number)
    await sandbox.release(number)
    now_ms = exchange.clock.now_ms()
    call = calls.order_history("main", Side.SELL, start_ms=now_ms - 86_400_000, end_ms=now_ms + 60_000)
    page = await exchange.rest().call(call)
    order = next(order for order in page.orders if order.number == number)
    assert (order.status, order.counterparty.nickname) == (OrderStatus.COMPLETED, "")
    assert order.price is not None


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(),
        Dialect(history_id_is_number=True, history_breaks=True, nickname_key="fromNickname"),
        Dialect(names_order=False, stray_rows=True, system_says_self=False),
    ],
)
async def test_the_chat_by_pages(exchange: Exchange, dialect: Dialect) -> None:
    """Paging by id finds every message once, newest first, in every dialect, and none of another order."""
    sandbox, rest = exchange.sandbox, exchange.rest()
    number = await sandbox.open_order("main", OrderSpec(dialect=dialect))
    await sandbox.say(await sandbox.open_order("main"), "of another order")
    for index in range(7):
        await sandbox.say(number, f"line one\nline two {index}")
    await sandbox.operator_says(number, "a person of ours")
    found: list[ChatMessage] = []
    below = ""
    while True:
        page = await rest.call(calls.history(number, rows=3, below_id=below))
        found += page.messages
        below = page.lowest_id
        if page.rows < 3:
            break
    texts = [message.text for message in found if message.kind is MessageKind.TEXT]
    assert texts == ["a person of ours", *(f"line one\nline two {index}" for index in reversed(range(7)))]
    assert len({message.message_id for message in found}) == len(found)
    assert {message.order_no for message in found} == {number}
    assert [message.from_us for message in found if message.kind is MessageKind.TEXT] == [True, *[False] * 7]


async def test_unread_messages_are_counted(exchange: Exchange) -> None:
    """The unread count of an order tells of messages, and marking them as read resets it."""
    sandbox, rest = exchange.sandbox, exchange.rest()
    number = await sandbox.open_order("main")
    before = (await rest.call(calls.order_detail("main", number))).unread or 0
    await sandbox.say(number, "hello?")
    assert (await rest.call(calls.order_detail("main", number))).unread == before + 1
    await rest.call(calls.mark_read(number, "700001"))
    assert (await rest.call(calls.order_detail("main", number))).unread == 0


async def test_a_picture_gets_its_place(exchange: Exchange) -> None:
    """The upload address is read under whichever name this exchange uses."""
    upload = await exchange.rest().call(calls.presign("a.png"))
    assert upload.upload_url
    assert upload.image_url


@pytest.mark.parametrize("skew_ms", [3_600_000, -3_600_000, -1500])
async def test_a_leap_of_the_exchanges_clock_is_followed(exchange: Exchange, skew_ms: int) -> None:
    """When the exchange's clock leaps, one refused time stamp is enough to follow it."""
    rest = exchange.rest()
    await rest.call(calls.chat_credential())
    await exchange.sandbox.inject(Fault("clock_skew", skew_ms=skew_ms))
    await rest.call(calls.chat_credential())
    assert rest.clock_offset_ms == pytest.approx(skew_ms, abs=1000)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("rest_429", endpoint="listOrders", retry_after_s=9), RateLimited),
        (Fault("rest_418", endpoint="listOrders", retry_after_s=9), RateLimited),
        (Fault("rest_451", endpoint="listOrders"), LocationRefused),
        (Fault("rest_5xx", endpoint="listOrders"), ExchangeUnavailable),
        (Fault("rest_empty_200", endpoint="listOrders"), ExchangeUnavailable),
        (Fault("rest_html", endpoint="listOrders"), ExchangeUnavailable),
        (Fault("rest_garbage", endpoint="listOrders"), AnswerMalformed),
        (Fault("rest_timeout", endpoint="listOrders"), TimedOut),
        (Fault("key_refused", code=-2015), KeyRefused),
        (Fault("key_refused", code=-2014), KeyRefused),
        (Fault("key_refused", code=-2008), KeyRefused),
        (Fault("key_refused", code=-1022), KeyRefused),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_standing_faults(exchange: Exchange, fault: Fault, error: type[P2pbotError]) -> None:
    """Each fault that lasts is the one error that says whose it is."""
    await exchange.sandbox.inject(fault)
    with pytest.raises(error) as caught:
        await exchange.rest(timeout_s=0.3).call(calls.list_orders("main"))
    assert type(caught.value) is error


@pytest.mark.parametrize("name", ["rest_5xx", "rest_empty_200", "rest_html", "rest_drop"])
async def test_passing_faults_are_overcome(exchange: Exchange, name: str) -> None:
    """A fault that strikes once is not seen by the caller."""
    await exchange.sandbox.inject(Fault(name, endpoint="listOrders", count=1))
    page = await exchange.rest().call(calls.list_orders("main"))
    assert page.orders == ()


async def test_no_key_is_in_what_the_caller_sees(exchange: Exchange) -> None:
    """The errors of refused keys do not contain the key."""
    with pytest.raises(KeyRefused) as caught:
        await exchange.rest(key=Secret("stranger-key-4711")).call(calls.chat_credential())
    assert "stranger-key-4711" not in f"{caught.value}{caught.value!r}"
