"""The demo's stage ends in order, and says so when the daemon does not live to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.cli.demo_stage import open_stage
from p2pbot.errors import OurError
from p2pbot.sandbox import OrderSpec

RULES = "version: 1\nrules:\n  - {id: greeting, on: order_created, reply: Hello}\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """One rule in one file."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


async def test_an_order_is_settled_when_both_sides_agree(tmp_path: Path, rules: Path) -> None:
    """The card is decided, and the reply is in the chat."""
    async with open_stage(tmp_path, rules) as stage:
        assert await stage.until_open()
        number = await stage.open_order(OrderSpec())
        assert not (await stage.look(number)).settled
        assert await stage.until_settled(number)
        view = await stage.look(number)
        assert [line.text for line in view.chat if line.uuid in {row.uuid for row in view.outbox}] == ["Hello"]
    assert stage.app.running is None


async def test_a_daemon_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path, rules: Path) -> None:
    """Whoever waits for something then waits no longer."""
    async with open_stage(tmp_path, rules) as stage:
        number = await stage.open_order(OrderSpec())
        stage.app.stop()
        with pytest.raises(OurError, match="the daemon ended by itself") as told:
            await stage.until_settled(number)
    assert '"event": "stopped"' in told.value.what


async def test_what_does_not_come_in_time_is_no_error(tmp_path: Path, rules: Path) -> None:
    """The waiter decides what it means."""

    async def never() -> bool:
        return False

    async with open_stage(tmp_path, rules) as stage:
        assert not await stage.until(never, 0.01)
