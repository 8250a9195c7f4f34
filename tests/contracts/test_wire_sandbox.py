"""The WebSocket door and the frame parser against the sandbox exchange. TLS is on."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2pbot.adapters.tls import client_context
from p2pbot.adapters.wire import ChatConnection, ChatWire
from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    CredentialRefused,
    ExchangeUnavailable,
    LocationRefused,
    P2pbotError,
    RateLimited,
)
from p2pbot.model import ChatMessage, MessageKind, OrderStatus, SendRefusal, Side, SystemEventKind
from p2pbot.protocol import calls
from p2pbot.protocol.frames import Frame
from p2pbot.protocol.outbound import text_frame
from p2pbot.sandbox import Dialect, Fault, OrderSpec
from tests.fakes.exchange import Exchange, frames, running_exchange


@pytest.fixture(autouse=True)
async def deadline() -> AsyncIterator[None]:
    """End a test that hangs."""
    async with asyncio.timeout(30):
        yield


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    """Run the sandbox with all its varieties of frames."""
    async with running_exchange(tmp_path) as running:
        yield running


async def next_message(connection: ChatConnection, kind: MessageKind = MessageKind.TEXT) -> ChatMessage:
    """Return the next message of a kind; what comes before it is passed over."""
    async for frame in frames(connection):
        if isinstance(frame, ChatMessage) and frame.kind is kind:
            return frame
    raise AssertionError


async def next_refusal(connection: ChatConnection) -> SendRefusal:
    """Return the next refusal of a frame of ours."""
    async for frame in frames(connection):
        if isinstance(frame, SendRefusal):
            return frame
    raise AssertionError


DIALECTS = [
    Dialect(),
    Dialect(socket_id_is_number=True, nickname_key="fromNickname", names_order=False, system_says_self=False),
    Dialect(event_suffix="_with_ref", trader_role="user", fragments=3),
    Dialect(event_suffix="_fiat_trade", history_breaks=True, history_id_is_number=True),
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=["plain", "numbers", "fragments", "suffix"])
async def test_a_talk(exchange: Exchange, dialect: Dialect) -> None:
    """What the counterparty says arrives; what we say is echoed with our uuid, seen by them, and in the history."""
    async with exchange.chat() as connection:
        number = await exchange.sandbox.open_order("main", OrderSpec(dialect=dialect))
        await exchange.sandbox.say(number, "I paid\n我付款了")
        theirs = await next_message(connection)
        assert (theirs.order_no, theirs.text, theirs.from_us) == (number, "I paid\n我付款了", False)
        assert theirs.message_id
        assert theirs.nickname
        await connection.send(text_frame("uuid-1", number, "Thank you!\nOne moment.", exchange.clock.now_ms()))
        ours = await next_message(connection)
        assert (ours.uuid, ours.from_us, ours.text) == ("uuid-1", True, "Thank you!\nOne moment.")
    page = await exchange.rest().call(calls.history(number))
    kept = next(message for message in page.messages if message.uuid == "uuid-1")
    assert (kept.message_id, kept.text, kept.from_us) == (ours.message_id, ours.text, True)


@pytest.mark.parametrize("dialect", DIALECTS, ids=["plain", "numbers", "fragments", "suffix"])
@pytest.mark.parametrize("side", list(Side))
async def test_an_orders_events(exchange: Exchange, side: Side, dialect: Dialect) -> None:
    """Every turn of an order arrives as its event, and events that name a side name ours."""
    sandbox = exchange.sandbox
    async with exchange.chat() as connection:
        number = await sandbox.open_order("main", OrderSpec(side=side, dialect=dialect))
        await sandbox.about_to_expire(number)
        await sandbox.pay(number)
        await sandbox.appeal(number)
        await sandbox.close_appeal(number)
        await sandbox.release(number)
        kinds = []
        for _ in range(6):
            event = (await next_message(connection, MessageKind.SYSTEM)).system
            assert event is not None
            assert event.our_side in (side, None)
            kinds.append(event.kind)
    assert kinds == [
        SystemEventKind.ORDER_CREATED,
        SystemEventKind.PAYMENT_EXPIRING,
        SystemEventKind.ORDER_PAID,
        SystemEventKind.APPEAL_OPENED,
        SystemEventKind.APPEAL_CLOSED,
        SystemEventKind.ORDER_COMPLETED,
    ]


@pytest.mark.parametrize("side", list(Side))
async def test_extra_verification(exchange: Exchange, side: Side) -> None:
    """An order that asks for verification first says so, with our side, and then that it is done."""
    async with exchange.chat() as connection:
        number = await exchange.sandbox.open_order("main", OrderSpec(side=side, kyc=True))
        created = (await next_message(connection, MessageKind.SYSTEM)).system
        await exchange.sandbox.verify(number)
        done = (await next_message(connection, MessageKind.SYSTEM)).system
    assert created is not None
    assert done is not None
    assert (created.kind, created.our_side) == (SystemEventKind.VERIFICATION_REQUIRED, side)
    assert done.kind is SystemEventKind.VERIFICATION_DONE


@pytest.mark.parametrize("by_system", [True, False])
async def test_cancellation(exchange: Exchange, *, by_system: bool) -> None:
    """A cancellation arrives as one, whoever cancelled."""
    sandbox = exchange.sandbox
    async with exchange.chat() as connection:
        number = await sandbox.open_order("main")
        await next_message(connection, MessageKind.SYSTEM)
        await (sandbox.cancel_by_system(number) if by_system else sandbox.cancel(number))
        event = (await next_message(connection, MessageKind.SYSTEM)).system
    assert event is not None
    assert event.kind is SystemEventKind.ORDER_CANCELLED
    assert (await exchange.rest().call(calls.order_detail("main", number))).status is OrderStatus.CANCELLED


async def test_what_is_not_to_be_answered(exchange: Exchange) -> None:
    """Automatic texts, pictures, our own person and the monitor are told apart."""
    sandbox = exchange.sandbox
    async with exchange.chat() as connection:
        number = await sandbox.open_order("main")
        await sandbox.auto_reply(number, "I am away")
        assert (await next_message(connection, MessageKind.AUTO_REPLY)).text == "I am away"
        await sandbox.send_image(number)
        picture = (await next_message(connection, MessageKind.IMAGE)).image
        assert picture is not None
        assert picture.width > 0
        await sandbox.operator_says(number, "let me take over")
        person = await next_message(connection)
        assert (person.from_us, person.text) == (True, "let me take over")
        await sandbox.monitor_warns(number)
        event = (await next_message(connection, MessageKind.SYSTEM)).system
    assert event is not None
    assert event.kind is SystemEventKind.MONITOR_WARNING


async def test_the_same_message_again_has_the_same_identity(exchange: Exchange) -> None:
    """A repeated push and a read mark are recognised by the id."""
    sandbox = exchange.sandbox
    await sandbox.inject(Fault("duplicate", copies=1))
    async with exchange.chat() as connection:
        number = await sandbox.open_order("main")
        await sandbox.say(number, "once")
        first, again = await next_message(connection), await next_message(connection)
    assert (first.message_id, first.uuid) == (again.message_id, again.uuid)


async def test_a_refused_text(exchange: Exchange) -> None:
    """A refusal names our frame and whether the content was judged."""
    async with exchange.chat() as connection:
        number = await exchange.sandbox.open_order("main")
        await exchange.sandbox.inject(Fault("reject", sub_type="UNTRUSTED_URL", count=1))
        await connection.send(text_frame("uuid-1", number, "see my page", exchange.clock.now_ms()))
        refusal = await next_refusal(connection)
    assert (refusal.uuid, refusal.code, refusal.sub_type) == ("uuid-1", "ILLEGAL_PARAM", "UNTRUSTED_URL")
    assert refusal.order_no == number


async def test_noise_is_no_message(exchange: Exchange) -> None:
    """Among meaningless frames of every kind the messages are found, and no frame is an error."""
    await exchange.sandbox.inject(Fault("noise"))
    seen: list[Frame] = []
    async with exchange.chat() as connection:
        number = await exchange.sandbox.open_order("main")
        for index in range(20):
            await exchange.sandbox.say(number, f"line {index}")
        async for frame in frames(connection):
            seen.append(frame)
            if isinstance(frame, ChatMessage) and frame.text == "line 19":
                break
    messages = [frame for frame in seen if isinstance(frame, ChatMessage) and frame.kind is MessageKind.TEXT]
    assert list(dict.fromkeys(message.text for message in messages)) == [f"line {index}" for index in range(20)]
    assert len(seen) > len(messages) + 20


async def test_a_long_message_is_whole(exchange: Exchange) -> None:
    """A message over 8 KB in fragments is not cut."""
    async with exchange.chat() as connection:
        number = await exchange.sandbox.open_order("main", OrderSpec(dialect=Dialect(fragments=3)))
        await exchange.sandbox.say(number, "я" * 9000)
        assert (await next_message(connection)).text == "я" * 9000


async def test_a_token_serves_one_connect(exchange: Exchange) -> None:
    """A second connect with the same token is refused; a fresh credential is the cure."""
    address = await exchange.address()
    connection = await exchange.wire().connect(address)
    await connection.close()
    with pytest.raises(CredentialRefused):
        await exchange.wire().connect(address)
    async with exchange.chat():
        pass


async def test_another_client_says_bye(exchange: Exchange) -> None:
    """When another client opens the account's chat, ours is closed with the reason Bye."""
    async with exchange.chat() as ours, exchange.chat():
        with pytest.raises(ConnectionLost) as lost:
            await next_message(ours)
    assert lost.value.reason == "Bye"


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        (Fault("drop"), 1006, ""),
        (Fault("close", code=1012, reason="restart"), 1012, "restart"),
        (Fault("bye"), 1000, "Bye"),
    ],
    ids=["drop", "close", "bye"],
)
async def test_how_a_connection_ends(exchange: Exchange, fault: Fault, code: int, reason: str) -> None:
    """However the connection ends, code and reason are the exchange's, or 1006 when it gave none."""
    async with exchange.chat() as connection:
        await exchange.sandbox.wait_for(lambda world: world.connects("main"))
        await exchange.sandbox.inject(fault)
        with pytest.raises(ConnectionLost) as lost:
            await next_message(connection)
    assert (lost.value.code, lost.value.reason) == (code, reason)


async def test_an_immediate_close(exchange: Exchange) -> None:
    """A token that is refused just after the handshake shows as a close with its code."""
    await exchange.sandbox.inject(Fault("token_refused", status=0, close_code=4001))
    async with exchange.chat() as connection:
        with pytest.raises(ConnectionLost) as lost:
            await next_message(connection)
    assert lost.value.code == 4001


async def test_a_half_open_connection_is_noticed(exchange: Exchange) -> None:
    """A connection that answers nothing any more is noticed by our own pings."""
    async with exchange.chat(ping_interval_s=0.1, ping_timeout_s=0.2) as connection:
        await exchange.sandbox.inject(Fault("half_open"))
        with pytest.raises(ConnectionLost, match="keepalive"):
            await next_message(connection)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialRefused),
        (403, CredentialRefused),
        (404, CredentialRefused),
        (429, RateLimited),
        (418, RateLimited),
        (451, LocationRefused),
        (503, ExchangeUnavailable),
    ],
)
async def test_refused_handshakes(exchange: Exchange, status: int, error: type[P2pbotError]) -> None:
    """Each way to refuse the handshake is its own error."""
    await exchange.sandbox.inject(Fault("upgrade_status", status=status, retry_after_s=7))
    with pytest.raises(error) as refused:
        async with exchange.chat():
            pass
    assert getattr(refused.value, "retry_after_s", 7) == 7


async def test_an_unknown_authority_is_not_trusted(exchange: Exchange) -> None:
    """Without the sandbox's authority no connection is made, and the token is not spent."""
    address = await exchange.address()
    with pytest.raises(ConnectFailed, match="authority"):
        await ChatWire(client_context()).connect(address)
    connection = await exchange.wire().connect(address)
    await connection.close()


async def test_what_did_not_get_through_cannot_arrive_later(exchange: Exchange) -> None:
    """The kernel gives up what is not acknowledged in time, and a socket that is closed sends nothing more."""
    async with exchange.chat() as connection:
        raw = connection._socket.transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7500
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, 0)
