"""Hours of trade in minutes: does anything grow that must not? ``make soak MINUTES=10``.

Promise: ``p2pbot run`` as shipped, in a process of its own, against the simulated exchange with faults now and then,
is watched from outside; each quantity's slope is judged against a stated bound, each message is accounted for. The
exit code is 1 if anything rises, if a message is unaccounted for or answered twice, or if the daemon ended by itself.
Danger: a short run judges the warm-up of caches; ten minutes are the least that says something.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.soak_probe import QUANTITIES, Probe, Quantity
from bench.soak_trade import ACCOUNT, LIFE_S, RULES, TIMES_NORMAL, Tally, Trade, is_settled, judged
from bench.soak_trend import FEWEST_SAMPLES, Sample, Verdict, slope_of
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.options import SandboxAccount, SandboxOptions, SecondSocket

_WARM_UP = 0.2  # the share of the run that is not judged: pools grow to what the load asks for …
_CACHE_MINUTES = 12.0  # … and SQLite's page cache, 2 MiB, is full after some 2,000 messages; half of a short run
_SAMPLE_S = 5.0
_TOLD_EVERY_S = 60.0
_DEADLINE_S = 180.0  # for the last answers: a reply in doubt takes tens of seconds
_CONFIG = """\
version: 1
mode: live
state_dir: state
exchange: {{rest_url: '{rest_url}', ca_file: '{ca_file}'}}
accounts:
  - {{name: {name}, api_key_file: api-key, api_secret_file: api-secret, rules: rules}}
limits: {{order_replies_per_hour: 10000, counterparty_replies_per_day: 10000, account_replies_per_minute: 10000}}
timings: {{chat_renewal: 1m}}
log: {{format: json, level: info}}
"""


@dataclass(slots=True)
class Watch:
    """Samples of a running daemon."""

    probe: Probe
    began_s: float = field(default_factory=time.monotonic)
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    async def run(self, every_s: float) -> None:
        """Sample until cancelled, or until the process has ended."""
        told_s = 0.0
        while True:
            now_s = time.monotonic() - self.began_s
            try:
                values = self.probe.values()
            except (OSError, KeyError):  # a process that ends has no memory any more
                return
            for name, value in values.items():
                self.samples.setdefault(name, []).append((now_s / 3600, value))
            if now_s >= told_s:
                told_s = now_s + _TOLD_EVERY_S
                _say(f"{now_s / 60:5.1f} min  " + "  ".join(f"{name} {value:g}" for name, value in values.items()))
            await asyncio.sleep(every_s)


async def soak(minutes: float, directory: Path) -> bool:
    """Run and print; return whether all is well."""
    keys = SandboxAccount(name=ACCOUNT, api_key=secrets.token_hex(32), hmac_secret=secrets.token_hex(32))
    options = SandboxOptions(
        accounts=(keys,), directory=directory / "exchange", second_socket=SecondSocket.ALLOW, history_lag_ms=500
    )
    async with Sandbox(options) as box:
        _install(directory, box, keys)
        trade = Trade(box, seed=1, life_s=min(LIFE_S, minutes * 20))  # a short run has short orders
        async with _daemon(directory) as process:
            await box.wait_for(lambda world: world.live_sockets(ACCOUNT) > 0, _DEADLINE_S, "the daemon's chat")
            watch = Watch(Probe(process.pid, directory / "state"))
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(watch.run(min(_SAMPLE_S, minutes * 60 / 100)), name="watch")
                await _traded(trade, minutes, process)
                watching.cancel()
            tally = await _ended(trade, box, directory, process)
    level = _print_trends(watch, minutes)
    accounted = _print_tally(tally, trade, minutes)
    quiet = _print_log(directory / "daemon.log")
    return level and accounted and quiet and process.returncode == 0


async def _traded(trade: Trade, minutes: float, process: asyncio.subprocess.Process) -> None:
    """Trade for so long; a daemon that ends by itself ends it too."""
    trading = asyncio.create_task(trade.run(minutes * 60), name="trade")
    died = asyncio.create_task(process.wait(), name="end of the daemon")
    await asyncio.wait({trading, died}, return_when=asyncio.FIRST_COMPLETED)
    if died.done():
        _say("the daemon has ended by itself")
    for task in (died, trading):
        task.cancel()
    await asyncio.wait({trading, died})
    if not trading.cancelled():
        trading.result()


async def _ended(trade: Trade, box: Sandbox, directory: Path, process: asyncio.subprocess.Process) -> Tally:
    """Wait for the last answers, end the daemon, and count."""
    store = await SqliteStore.open_readonly(directory / "state" / "p2pbot.sqlite3")
    try:
        with suppress(TimeoutError):  # what is not settled then is unaccounted for
            async with asyncio.timeout(_DEADLINE_S):
                while process.returncode is None and not await is_settled(trade, store):  # noqa: ASYNC110
                    await asyncio.sleep(1)
        if process.returncode is None:
            process.terminate()
            await process.wait()
        return await judged(trade, box, store)
    finally:
        await store.close()


@asynccontextmanager
async def _daemon(directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (directory / "daemon.log").open("wb") as log:
        command = (sys.executable, "-m", "p2pbot", "run", "--config", str(directory / "config.yaml"))
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _install(directory: Path, box: Sandbox, keys: SandboxAccount) -> None:
    (directory / "rules").mkdir()
    (directory / "rules" / "soak.yaml").write_text(RULES, "utf-8")
    for name, value in (("api-key", keys.api_key), ("api-secret", keys.hmac_secret)):
        path = directory / name
        path.touch(mode=0o600)
        path.write_text(value, "utf-8")
    text = _CONFIG.format(rest_url=box.rest_url, ca_file=box.ca_file, name=ACCOUNT)
    (directory / "config.yaml").write_text(text, "utf-8")


def _print_trends(watch: Watch, minutes: float) -> bool:
    warm_up = max(minutes * _WARM_UP, min(_CACHE_MINUTES, minutes / 2))
    warm_h = warm_up / 60
    _say(f"\nslopes after {warm_up:.1f} minutes of warm-up, at {TIMES_NORMAL} times the normal rate:")
    _say("| quantity | samples | first | last | most | slope per hour | 95 % of it | bound | verdict |")
    _say("|---|--:|--:|--:|--:|--:|--:|--:|---|")
    verdicts = [_print_trend(quantity, watch.samples.get(quantity.name, []), warm_h) for quantity in QUANTITIES]
    return all(verdicts)


def _print_trend(quantity: Quantity, samples: list[Sample], warm_h: float) -> bool:
    judged_part = [sample for sample in samples if sample[0] >= warm_h]
    if len(judged_part) < FEWEST_SAMPLES:
        _say(f"| {quantity.name} | {len(judged_part)} | | | | | | {quantity.bound:g} | too few samples |")
        return True
    values = [value for _, value in judged_part]
    tenth = max(1, len(values) // 10)
    first, last = statistics.median(values[:tenth]), statistics.median(values[-tenth:])
    slope = slope_of(judged_part)
    verdict = slope.against(quantity.bound)
    _say(
        f"| {quantity.name} {f'({quantity.unit})' if quantity.unit else ''} | {len(values)} | {first:.4g} | {last:.4g} "
        f"| {max(values):.4g} | {slope.per_hour:+.3f} | {slope.low:+.3f} to {slope.high:+.3f} | {quantity.bound:g} "
        f"| {verdict.value} |"
    )
    return verdict is not Verdict.RISES


def _print_tally(tally: Tally, trade: Trade, minutes: float) -> bool:
    waits_s = sorted(tally.waits_s) or [0.0]
    _say(
        f"\n{tally.orders} orders, {trade.count} messages ({trade.count / minutes / 60:.2f} a second): "
        f"questions {tally.asked}, answered once {tally.answered}, twice {len(tally.twice)}, "
        f"not answered with a reason {dict(tally.silent)}; other messages {tally.other}; "
        f"unaccounted {len(tally.unaccounted)} {tally.unaccounted[:5]}\n"
        f"wait for an answer: median {statistics.median(waits_s):.2f} s, 99 % {waits_s[len(waits_s) * 99 // 100]:.1f} s"
        f", longest {waits_s[-1]:.1f} s; faults {dict(trade.faults)}"
    )
    return not tally.twice and not tally.unaccounted


def _print_log(path: Path) -> bool:
    told: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line) if line.startswith("{") else {"level": "error", "event": line.strip()[:200]}
            if event["level"] in ("warning", "error"):
                told[event["event"]] += 1
    _say(f"the daemon's warnings and errors: {dict(told) or 'none'}")
    return "ended" not in told and "ended_by_a_bug" not in told


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Soak for the minutes asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long orders are opened (default 10)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty directory for state and log, which stays")
    arguments = parser.parse_args()
    if not Path("/proc/self/fd").is_dir() or os.geteuid() != 0:
        sys.stderr.write("soak: needs Linux and root: it looks into /proc, which the daemon closes to others\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="p2pbot-soak-") as made:
        directory = arguments.keep or Path(made)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return 0 if asyncio.run(soak(arguments.minutes, directory)) else 1


if __name__ == "__main__":
    sys.exit(main())
