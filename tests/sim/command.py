"""The simulation by hand: many seeds with a count, or one seed with its record."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.sim.account_run import run_account
from tests.sim.crowd import HEAD, crowd
from tests.sim.run import run_seed


def one(seed: int) -> tuple[int, str, Counter[str]]:
    """Run a seed and return its report ('' = well) and counts."""
    try:
        outcome = run_seed(seed)
    except Exception as error:  # noqa: BLE001 - a fault of the simulation itself is a finding too
        return seed, f"seed {seed}: the simulation broke: {type(error).__name__}: {error}", Counter()
    return seed, outcome.report() if outcome.violations else "", outcome.counts


def replay(seed: int, *, trace: bool) -> int:
    """Run one seed; print its plan, its record and its end."""
    outcome = run_seed(seed, keep_trace=trace)
    for line in (*map(str, outcome.plan), *outcome.lines) if trace else ():
        sys.stdout.write(f"{line}\n")
    said = outcome.report() if outcome.violations else f"seed {seed} is well"
    sys.stdout.write(f"{said}\n{dict(outcome.counts)}\ndigest {outcome.digest}\n")
    return 1 if outcome.violations else 0


def many(first: int, last: int, jobs: int) -> int:
    """Run seeds [first, last); print a line of progress, each failure, and the count."""
    began, failed, counts = time.monotonic(), list[int](), Counter[str]()
    with ProcessPoolExecutor(jobs) as pool:
        for done, (seed, report, found) in enumerate(pool.map(one, range(first, last), chunksize=10), 1):
            counts += found
            if report:
                failed.append(seed)
                sys.stdout.write(f"{report}\n")
            if done % 100 == 0:
                rate = done / (time.monotonic() - began)
                sys.stdout.write(f"{done} of {last - first} seeds, {len(failed)} failed, {rate:.1f} a second\n")
            sys.stdout.flush()
    sys.stdout.write(f"{last - first} seeds, {len(failed)} failed: {failed[:50]}\n")
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"  {name}: {count}\n")
    return 1 if failed else 0


def crowds(sizes: list[int]) -> int:
    """Print what catching up costs: the table of docs/catch-up.md."""
    sys.stdout.write(f"{HEAD}\n|{'---:|' * (HEAD.count('|') - 1)}\n")
    broken = False
    for size in sizes:
        figures = crowd(size)
        sys.stdout.write(f"{figures.row()}\n")
        broken = broken or bool(figures.violations)
    return 1 if broken else 0


def months(first: int, last: int, days: float, jobs: int) -> int:
    """Run an account's streams for ``days`` in worlds [first, last); print what each came to."""
    failed = list[int]()
    with ProcessPoolExecutor(jobs) as pool:
        for report in pool.map(partial(run_account, days=days), range(first, last)):
            sys.stdout.write(f"{report.told()}\n")
            sys.stdout.flush()
            failed += [report.seed] if report.violations else []
    sys.stdout.write(f"{last - first} worlds of {days:g} days, {len(failed)} failed: {failed}\n")
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", help="FIRST:LAST, or a number for 0:NUMBER")
    parser.add_argument("--seed", type=int, help="replay one")
    parser.add_argument("--trace", action="store_true", help="with --seed: print everything that happened")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--crowd", help="what catching up costs with so many open orders, for example 50,100,500")
    parser.add_argument("--account", help="an account's streams for months: FIRST:LAST, or a number for 0:NUMBER")
    parser.add_argument("--days", type=float, default=90.0, help="with --account")
    given = parser.parse_args(arguments)
    if given.account is not None:
        first, _, last = given.account.rpartition(":")
        return months(int(first or 0), int(last), given.days, given.jobs)
    if given.crowd is not None:
        return crowds([int(orders) for orders in given.crowd.split(",")])
    if given.seed is not None:
        return replay(given.seed, trace=given.trace)
    first, _, last = (given.seeds or "300").rpartition(":")
    return many(int(first or 0), int(last), given.jobs)
