"""The simulated exchange of the bench, in this process, and what is measured at it: when did which reply arrive.

Whoever answers (the daemon, or a bare client) is a process of its own, so both are measured from the same chair.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure
from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.options import OrderSpec, PersonSpec, SandboxAccount, SandboxOptions

ACCOUNT = "bench"
ANSWERED = "paid"  # the word that the bench's rule answers
DEADLINE_S = 60.0
POLL_S = 0.02
# What a counterparty may get in a day is bounded, so each order has a person of its own; so many keep the spacing of
# one order (100 ms at least) out of the figures.
ORDERS = 100
# No text comes twice: a repeated one that comes within 2 s of a reply counts as a machine's, and is not answered.
_FRESH = itertools.count()


def open_exchange(directory: Path) -> tuple[Sandbox, SandboxAccount]:
    """Return a plain exchange on loopback, without faults and without TLS, and its one account with fresh keys."""
    account = SandboxAccount(name=ACCOUNT, api_key=secrets.token_hex(32), hmac_secret=secrets.token_hex(32))
    options = SandboxOptions(
        accounts=(account,), directory=directory, tls=False, variety=False, content_monitor=False, history_lag_ms=0
    )
    return Sandbox(options), account


async def open_orders(exchange: Sandbox, count: int = ORDERS) -> list[str]:
    """Open ``count`` orders, each with a person of its own."""
    people = (PersonSpec(nickname=f"person-{number}") for number in range(count))
    return [await exchange.open_order(ACCOUNT, OrderSpec(counterparty=person)) for person in people]


async def connected(exchange: Sandbox) -> None:
    """Wait until the account's chat socket is open."""
    await exchange.wait_for(lambda world: world.live_sockets(ACCOUNT) > 0, DEADLINE_S, "a chat socket")


async def ask(exchange: Sandbox, order_no: str) -> float:
    """Let the counterparty say something and return after how many ms the bot's next line was in the chat."""
    text = f"{ANSWERED} {next(_FRESH)}"
    before = len(exchange.world.said_by_bot(order_no))
    started = time.perf_counter()
    await exchange.say(order_no, text)
    await exchange.wait_for(lambda world: len(world.said_by_bot(order_no)) > before, DEADLINE_S, f"reply to {text!r}")
    return (time.perf_counter() - started) * 1000


async def reply_latency(name: str, exchange: Sandbox, orders: Sequence[str], count: int) -> Figure:
    """Measure frame in → reply frame on the wire, one at a time over ``orders`` in turn."""
    values = [await ask(exchange, orders[number % len(orders)]) for number in range(count)]
    return Figure(name, "ms", tuple(values))


async def replies_per_second(name: str, exchange: Sandbox, orders: Sequence[str], rounds: int) -> Figure:
    """Measure bursts: each order's counterparty speaks at once; how many replies a second until the last one."""
    values = []
    for _ in range(rounds):
        before = _written(exchange)
        started = time.perf_counter()
        for order_no in orders:
            await exchange.say(order_no, f"{ANSWERED} {next(_FRESH)}")
        await _until(exchange, before + len(orders))
        values.append(len(orders) / (time.perf_counter() - started))
    return Figure(name, "1/s", tuple(values))


async def _until(exchange: Sandbox, written: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while _written(exchange) < written:  # noqa: ASYNC110 - woken at each frame, counting would cost more than it measures
            await asyncio.sleep(POLL_S)


def _written(exchange: Sandbox) -> int:
    return len(exchange.world.received(ACCOUNT))
