"""``check --online`` asks the simulated exchange and says in plain words what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from p2pbot.adapters.secrets_source import resolve_all
from p2pbot.cli.findings import Checked, Grade, worst
from p2pbot.cli.online import ask_the_exchange
from p2pbot.cli.output import Paint
from p2pbot.config import load_settings
from p2pbot.sandbox import Fault, Sandbox, SandboxOptions
from p2pbot.sandbox.kit import account_kits, write_configuration
from p2pbot.sandbox.options import SandboxAccount


class Ask(Protocol):
    """Asks the simulated exchange."""

    async def __call__(self, *faults: Fault, **habits: object) -> list[Checked]:
        """Return the checks of the one account, with these faults and habits of the account."""
        ...


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Return a way to run the check against a simulated exchange of one's choice."""

    async def run(*faults: Fault, **habits: object) -> list[Checked]:
        (kit,) = account_kits(tmp_path, ["main"])
        plain = {"name": "main", "api_key": kit.account.api_key, "hmac_secret": kit.account.hmac_secret}
        account = SandboxAccount(**(plain | habits))  # type: ignore[arg-type]  # the test names fields of it
        async with Sandbox(SandboxOptions(directory=tmp_path, accounts=(account,), variety=False)) as box:
            write_configuration(tmp_path, (kit,), box.rest_url, box.ca_file)
            for fault in faults:
                await box.inject(fault)
            settings = load_settings(tmp_path / "config.yaml", {})
            return await ask_the_exchange(settings, resolve_all(settings.accounts, {}), Paint())

    return run


def grades(checks: list[Checked]) -> dict[str, Grade]:
    """Return each check's grade by what it is about."""
    return {found.about.removeprefix("main, "): found.grade for found in checks}


async def test_all_is_right(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    """Clock, key, orders and one connect, each shown as it comes."""
    checks = await ask()
    assert grades(checks) == dict.fromkeys(("clock", "key", "orders", "chat"), Grade.OK)
    shown = capsys.readouterr().out
    assert shown.count("ok      main, ") == 4
    assert "and closed again" in shown
    assert "simulated" not in shown


async def test_rights_that_are_not_needed_are_told(ask: Ask) -> None:
    """A stolen key could use them."""
    checks = await ask(key_rights=("enableReading", "enableWithdrawals"))
    key = checks[1]
    assert (key.grade, worst(checks)) == (Grade.WARNING, Grade.WARNING)
    assert "enableWithdrawals" in key.details[0]
    assert "bind the key to this machine's address" in key.details[1]


async def test_a_refused_key_is_told_with_its_remedy(ask: Ask) -> None:
    """The chat is not asked any more; the sentence says where to mend it."""
    checks = await ask(p2p_allowed=False)
    assert grades(checks)["orders"] is Grade.FAILED
    assert "chat" not in grades(checks)
    assert " – " in checks[-1].said


async def test_an_account_that_is_no_merchant_is_told(ask: Ask) -> None:
    """The chat's credential is refused, the orders are not."""
    checks = await ask(merchant=False)
    assert (grades(checks)["orders"], grades(checks)["chat"]) == (Grade.OK, Grade.FAILED)


async def test_a_chat_that_closes_at_once_is_told(ask: Ask) -> None:
    """A connect that does not last a moment is a failure."""
    checks = await ask(Fault("accept_then_close"))
    assert grades(checks)["chat"] is Grade.FAILED


async def test_a_clock_that_is_off_is_a_warning(ask: Ask) -> None:
    """The daemon corrects it; a person should know."""
    checks = await ask(Fault("clock_skew", skew_ms=30_000))
    assert grades(checks)["clock"] is Grade.WARNING
    assert "(it is behind)" in checks[0].said
    assert grades(checks)["chat"] is Grade.OK


async def test_an_exchange_that_cannot_be_reached_ends_the_check(ask: Ask, tmp_path: Path) -> None:
    """One sentence, and nothing more is asked of this account."""
    await ask()
    settings = load_settings(tmp_path / "config.yaml", {})
    checks = await ask_the_exchange(settings, resolve_all(settings.accounts, {}), Paint())
    assert grades(checks) == {"clock": Grade.FAILED}
