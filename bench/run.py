"""All figures of one run, side by side on one machine: ``make bench``, or ``python -m bench.run --quick``.

Promise: each figure of the daemon stands beside a floor measured in the same minute, and the ratio between them is what
to compare over time. Nothing leaves the machine; everything lives in a temporary directory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import disk, echo, exchange, reload, rules
from bench.child import Child
from bench.daemon import daemon, install
from bench.figures import Figure, Ratio, as_json, table
from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.options import SandboxAccount

_PAGE = Path(__file__).parent / "README.md"
_MARK, _END = "<!-- figures: make bench ARGS=--readme -->", "<!-- end of figures -->"
_BLOCK = 500  # messages between two that are answered: the answer tells that the block was decided


@dataclass(frozen=True, slots=True)
class Size:
    """How often each thing is done."""

    messages: int
    bursts: int
    starts: int
    flood: int


FULL = Size(messages=2000, bursts=20, starts=7, flood=100_000)
QUICK = Size(messages=200, bursts=3, starts=2, flood=5000)


async def measure(size: Size, directory: Path) -> tuple[list[Figure], list[Ratio]]:
    """Return the figures in the order in which they were taken, and what to compare."""
    echoed = await echo.round_trips(size.messages)
    commit = disk.commits(directory, size.messages)
    bare = await _bare(size, directory / "bare")
    ours = await _ours(size, directory / "ours")
    ratios = [
        Ratio(ours["latency"], echoed),
        Ratio(ours["latency"], bare["latency"]),
        Ratio(ours["latency"], commit),
        Ratio(ours["rate"], bare["rate"]),
        Ratio(ours["start"], bare["start"]),
        Ratio(ours["idle"], bare["idle"]),
        Ratio(ours["flooded"], ours["idle"]),
    ]
    return [echoed, commit, *bare.values(), *ours.values()], ratios


async def _bare(size: Size, directory: Path) -> dict[str, Figure]:
    async with AsyncExitStack() as stack:
        place, account = exchange.open_exchange(directory)
        await stack.enter_async_context(place)
        keys = json.dumps({"api_key": account.api_key, "secret": account.hmac_secret})

        def child() -> Child:
            return Child("-m", "bench.bare", place.rest_url, greeting=keys)

        start = await _starts("bare client: start to connected", place, child, size.starts)
        client = await stack.enter_async_context(child())
        await exchange.connected(place)
        idle = Figure("bare client: RSS idle", "MiB", (client.resident_mib(),))
        orders = await exchange.open_orders(place)
        latency = await exchange.reply_latency("bare client: reply latency", place, orders, size.messages)
        rate = await exchange.replies_per_second("bare client: replies in bursts", place, orders, size.bursts)
        return {"latency": latency, "rate": rate, "start": start, "idle": idle}


async def _ours(size: Size, directory: Path) -> dict[str, Figure]:
    async with AsyncExitStack() as stack:
        place, account = exchange.open_exchange(directory / "exchange")
        await stack.enter_async_context(place)
        start = await _our_starts(place, account, directory, size.starts)
        process = await stack.enter_async_context(daemon(install(directory / "daemon", place, account)))
        await exchange.connected(place)
        idle = Figure("p2pbot: RSS idle", "MiB", (process.resident_mib(),))
        orders = await exchange.open_orders(place)
        first = await exchange.reply_latency("p2pbot: first reply in a new order", place, orders, len(orders))
        latency = await exchange.reply_latency("p2pbot: reply latency, durable", place, orders, size.messages)
        rate = await exchange.replies_per_second("p2pbot: replies in bursts, durable", place, orders, size.bursts)
        decided = await _flood(place, orders, size.flood)
        flooded = Figure(f"p2pbot: RSS after {size.flood} more messages", "MiB", (process.resident_mib(),))
        return {
            "first": first, "latency": latency, "rate": rate, "decided": decided, "start": start, "idle": idle,
            "flooded": flooded,
        }  # fmt: skip


async def _our_starts(place: Sandbox, account: SandboxAccount, directory: Path, count: int) -> Figure:
    configs = iter([install(directory / f"start-{number}", place, account) for number in range(count)])
    return await _starts("p2pbot: start to connected", place, lambda: daemon(next(configs)), count)


async def _starts(name: str, place: Sandbox, child: Callable[[], Child], count: int) -> Figure:
    """Measure process start → chat socket open, one process after the other."""
    values = []
    for _ in range(count):
        started = time.perf_counter()
        async with child():
            await exchange.connected(place)
            values.append((time.perf_counter() - started) * 1000)
        await place.wait_for(lambda world: not world.live_sockets(exchange.ACCOUNT), exchange.DEADLINE_S, "its end")
    return Figure(name, "ms", tuple(values))


async def _flood(place: Sandbox, orders: Sequence[str], count: int) -> Figure:
    """Send ``count`` messages that no rule answers, in blocks; measure how many a second are decided."""
    values = []
    for block in range(max(1, count // _BLOCK)):
        started = time.perf_counter()
        for number in range(_BLOCK - 1):
            await place.say(orders[number % len(orders)], f"block {block}, message {number}")
        await exchange.ask(place, orders[block % len(orders)])
        values.append(_BLOCK / (time.perf_counter() - started))
    return Figure("p2pbot: messages decided, unanswered", "1/s", tuple(values))


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "taken": f"{datetime.now(UTC):%Y-%m-%d}",
        "p2pbot": version("p2pbot"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
    }


def everything(*, quick: bool) -> tuple[str, str]:
    """Measure all; return it as text to read and as JSON."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="p2pbot-bench-") as directory:
        figures, ratios = asyncio.run(measure(QUICK if quick else FULL, Path(directory)))
    of_loop, to_idle = reload.measure(quick=quick)
    of_rules, among_rules = rules.measure(quick=quick)
    about = machine() | {"load": f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after"}
    figures, ratios = figures + of_loop, ratios + to_idle
    text = ", ".join(f"{key} {value}" for key, value in about.items())
    text += f"\n\n{table(figures, ratios)}\n\n{rules.table(of_rules, among_rules)}\n"
    return text, as_json(about, figures + of_rules, ratios + among_rules)


def with_figures(page: str, text: str) -> str:
    """Return the page with ``text`` between its two marks. Raises ValueError if it has none."""
    before, mark, rest = page.partition(_MARK)
    _, end, after = rest.partition(_END)
    if not (mark and end):
        raise ValueError(f"no {_MARK} and {_END} in the page")
    return f"{before}{mark}\n{text}{end}{after}"


def main() -> None:
    """Measure, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer of everything: to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--readme", action="store_true", help="write the tables into bench/README.md too")
    arguments = parser.parse_args()
    text, data = everything(quick=arguments.quick)
    sys.stdout.write(text)
    if arguments.json:
        arguments.json.write_text(data + "\n", "utf-8")
    if arguments.readme:
        _PAGE.write_text(with_figures(_PAGE.read_text("utf-8"), text), "utf-8")


if __name__ == "__main__":
    main()
