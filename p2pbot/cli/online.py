"""What ``p2pbot check --online`` asks the exchange: clock, rights, orders, credential, one connect and clean close.

Promise: nothing is sent in a chat and nothing is changed; a failure of one account does not hide those of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rest import ExchangeRest, open_session
from p2pbot.adapters.secrets_source import AccountKeys
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.wire import ChatWire
from p2pbot.app.doors import signer_of
from p2pbot.cli.findings import Checked, Grade, failed, show
from p2pbot.cli.online_context import ask_context
from p2pbot.cli.output import Paint
from p2pbot.config import Settings
from p2pbot.errors import P2pbotError
from p2pbot.ports import Clock, Connection, Rest, Wire
from p2pbot.protocol import calls
from p2pbot.protocol.outbound import chat_url

_CLOCK_ODD_MS = 1_000  # the daemon corrects any offset; a machine with time synchronisation stays far below this
_MOMENT_S = 1.0
# Rights that p2pbot never uses. A thief of the key could use them.
TOO_MANY = (
    "enableWithdrawals",
    "enableInternalTransfer",
    "permitsUniversalTransfer",
    "enableSpotAndMarginTrading",
    "enableMargin",
    "enableFutures",
    "enableVanillaOptions",
    "enablePortfolioMarginTrading",
    "enableFixApiTrade",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The doors to the exchange for one account."""

    account: str
    rest: Rest
    wire: Wire
    clock: Clock


async def ask_the_exchange(settings: Settings, keys: Mapping[str, AccountKeys], paint: Paint) -> list[Checked]:
    """Check every account, one after the other, and show each answer as it comes."""
    checks, rests = [], dict[str, Rest]()
    tls, clock = client_context(settings.ca_file), SystemClock()
    wire = ChatWire(tls, open_timeout_s=settings.timings.connect_timeout.s)
    async with open_session(tls) as session:
        for account in settings.accounts:
            rest = ExchangeRest(
                session,
                settings.exchange.rest_url,
                keys[account.name].api_key,
                signer_of(keys[account.name]),
                clock,
                SystemRng(),
                recv_window_ms=account.recv_window.ms,
                timeout_s=settings.timings.request_timeout.s,
            )
            rests[account.name] = rest
            async for found in ask_account(Desk(account=account.name, rest=rest, wire=wire, clock=clock)):
                show(found, paint)
                checks.append(found)
        async for found in ask_context(settings, keys, rests, wire, clock):
            show(found, paint)
            checks.append(found)
    return checks


async def ask_account(desk: Desk) -> AsyncIterator[Checked]:
    """Yield what the exchange says about one account; what cannot work any more after a failure is left out."""
    clock = await _clock(desk)
    yield clock
    if clock.grade is Grade.FAILED:
        return
    yield await _rights(desk)
    orders = await _orders(desk)
    yield orders
    if orders.grade is not Grade.FAILED:
        yield await _chat(desk)


async def _clock(desk: Desk) -> Checked:
    about = f"{desk.account}, clock"
    before_ms = desk.clock.now_ms()
    try:
        theirs_ms = await desk.rest.call(calls.server_time())
    except P2pbotError as error:
        return failed(about, error)
    after_ms = desk.clock.now_ms()
    offset_ms = theirs_ms - (before_ms + after_ms) // 2
    said = f"the exchange answers in {after_ms - before_ms} ms; this machine's clock differs by {abs(offset_ms)} ms"
    if abs(offset_ms) <= _CLOCK_ODD_MS + (after_ms - before_ms):
        return Checked(Grade.OK, about, said)
    way = "behind" if offset_ms > 0 else "ahead"
    return Checked(
        Grade.WARNING, about, f"{said} (it is {way}). p2pbot corrects that; better switch time synchronisation on"
    )


async def _rights(desk: Desk) -> Checked:
    """Compare the key's rights with what p2pbot needs. An exchange that does not tell them is no failure."""
    about = f"{desk.account}, key"
    try:
        rights = await desk.rest.call(calls.key_rights())
    except P2pbotError as error:
        return Checked(Grade.WARNING, about, f"its rights cannot be told: {error}")
    advice = []
    if unneeded := [right for right in TOO_MANY if right in rights]:
        advice.append(f"take these rights from the key, p2pbot needs none of them: {', '.join(unneeded)}")
    if "ipRestrict" not in rights:
        advice.append("bind the key to this machine's address in the exchange's API management")
    if advice:
        return Checked(Grade.WARNING, about, "it is accepted, and could be safer", tuple(advice))
    return Checked(Grade.OK, about, "it is accepted, bound to an address, and may do no more than it needs")


async def _orders(desk: Desk) -> Checked:
    about = f"{desk.account}, orders"
    try:
        page = await desk.rest.call(calls.list_orders(desk.account, rows=1))
    except P2pbotError as error:
        return failed(about, error)
    return Checked(Grade.OK, about, f"they can be read ({page.total if page.total is not None else page.rows} in all)")


async def _chat(desk: Desk) -> Checked:
    """Fetch a credential, connect, and close after a moment: a token can also be refused by a close."""
    about = f"{desk.account}, chat"
    try:
        credential = await desk.rest.call(calls.chat_credential())
        began_ms = desk.clock.now_ms()
        connection = await desk.wire.connect(chat_url(credential))
        took_ms = desk.clock.now_ms() - began_ms
        try:
            await _stays_open(connection)
        finally:
            await connection.close()
    except P2pbotError as error:
        return failed(about, error)
    return Checked(Grade.OK, about, f"connected in {took_ms} ms and closed again")


async def _stays_open(connection: Connection) -> None:
    """Wait until the chat says anything, one second at most. Raises ConnectionLost."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_MOMENT_S):
            await connection.receive()
