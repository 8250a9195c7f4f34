"""Ninety days of an account's streams in a simulated world: never deaf for longer than promised, and nothing leaks."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from p2pbot.daemon import listen_key, user_data, user_data_subscription
from p2pbot.protocol import listen_keys, user_data_dedupe
from tests.sim.account_plan import Deed
from tests.sim.account_run import run_account
from tests.sim.command import main

DAYS = int(os.environ.get("P2PBOT_SIM_DAYS", "90"))


def test_ninety_days_keep_every_promise() -> None:
    """Rotations, expiries, revocations, leaps, suspends, silent keys and floods: the facts are right, or not known.

    The run ends with one socket of each kind, no task left, and the listenKey as it was.
    """
    report = run_account(0, DAYS)
    assert not report.violations, report.told()
    assert report.counts["info ws_session_renewed"] > DAYS
    if DAYS >= 90:
        assert not [deed for deed in Deed if not report.counts[deed.value]]


@pytest.mark.parametrize("seed", [1, 2, 5], ids=["logon", "older spot keys", "both"])
def test_other_keys_and_older_streams_keep_them_too(seed: int) -> None:
    """A session that logs on, spot listenKeys as they were, and both at once, for some days."""
    report = run_account(seed, 4)
    assert not report.violations, report.told()


def test_the_same_seed_is_the_same_world() -> None:
    """What was found can be looked at again."""
    one, other = run_account(4, 1), run_account(4, 1)
    assert one.digest == other.digest
    assert one.counts == other.counts
    assert one.digest != run_account(5, 1).digest


def test_worlds_are_run_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m tests.sim --account` tells of each world what it came to."""
    assert main(["--account", "3:4", "--days", "0.3", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 worlds of 0.3 days, 0 failed: []"


async def _nothing(*_: Any) -> None:
    """Do nothing."""


async def _for_ever(*_: Any) -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()


def _never(*_: Any) -> bool:
    """Say no."""
    return False


def _everything(_: Any, event: Any) -> Any:
    """Take everything for news."""
    return event


Plant = tuple[object, str, object]
MUTANTS: dict[str, tuple[int, str, Plant]] = {
    "a key is never kept": (2, "deaf", (listen_key.KeyKeeper, "run", _for_ever)),
    "a missing key is not noticed": (5, "deaf", (listen_keys, "is_missing", _never)),
    "what the snapshot held is told again": (3, "backwards", (user_data_dedupe.Novelty, "news", _everything)),
    "replaced sockets stay open": (5, "leak", (user_data.UserDataStream, "_retire", _nothing)),
    "an active subscription blocks the next": (3, "down", (user_data_subscription, "_ACTIVE_ALREADY", "never")),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is not blind: each fault is found within some days, by the promise that it breaks."""
    seed, checker, (where, what, instead) = MUTANTS[name]
    monkeypatch.setattr(where, what, instead)
    report = run_account(seed, 12)
    assert checker in {violation.checker for violation in report.violations}, report.told()
