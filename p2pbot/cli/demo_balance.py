"""The demo's merchant has a wallet of futures, and two rules that answer by what it holds.

Promise: what is not known is not said: while the stream is interrupted neither rule speaks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from p2pbot.cli.demo_stage import ACCOUNT, Stage
from p2pbot.errors import OurError
from p2pbot.protocol.user_data_events import Source
from p2pbot.sandbox import Fault

Act = Callable[[Stage, str], Awaitable[str]]
_KNOWN_S = 15.0  # a stream that was cut is back within seconds; the rest is for a busy machine
_REFUSED = 3  # connects, of the session and of the stream: so the gap lasts some seconds
_RULES = """\
# SIMULATED: written by `p2pbot demo`, to show rules that answer by what your own account holds.
version: 1
rules:
  - id: demo-plenty
    words: [in stock]
    when: {side: sell, balance: {USDT: ">=500"}}
    priority: 10
    reply: "Yes, there is plenty in stock."
  - id: demo-nearly-out
    words: [in stock]
    when: {side: sell, balance: {USDT: "<500"}}
    priority: 10
    limit: {at_most: 2, per: order}
    reply: "Only a little is left in stock, so the release may take some minutes longer."
"""


def add_balance_rules(rules: Path) -> None:
    """Write the rules beside others."""
    (rules / "96-demo-balance.yaml").write_text(_RULES, "utf-8")


def says_when_known(text: str) -> Act:
    """Let the customer say a text once the wallet is read."""

    async def act(stage: Stage, number: str) -> str:
        await _until(stage, lambda: _balance(stage) is not None)
        return f"m:{await stage.box.say(number, text)}"

    return act


def says_when_it_holds(amount: int, text: str) -> Act:
    """Let the wallet hold so much USDT, and the customer say a text when p2pbot has heard of it."""

    async def act(stage: Stage, number: str) -> str:
        stage.box.perform("set_balance", {"account": ACCOUNT, "asset": "USDT", "amount": str(amount)})
        await _until(stage, lambda: _balance(stage) == amount)
        return f"m:{await stage.box.say(number, text)}"

    return act


def says_in_gap(text: str) -> Act:
    """Cut all that reads the account, keep it away for some seconds, and let the customer say a text meanwhile."""

    async def act(stage: Stage, number: str) -> str:
        await stage.box.inject(Fault("link_status", status=503, count=_REFUSED))
        stage.box.perform("cut_links", {"account": ACCOUNT})
        await _until(stage, lambda: _balance(stage) is None)
        return f"m:{await stage.box.say(number, text)}"

    return act


def _balance(stage: Stage) -> object:
    """Return what p2pbot knows of the wallet's USDT, None when it is not known."""
    return stage.account.context.figures().balance.get("USDT")


async def _until(stage: Stage, holds: Callable[[], bool]) -> None:
    async def condition() -> bool:
        return holds()

    if not await stage.until(condition, _KNOWN_S):
        raise OurError(f"the daemon did not learn what {Source.FUTURES} says within {_KNOWN_S:.0f} s")
