"""``history`` against the simulated exchange: the whole talk, by whom and by which rule, in three formats."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2pbot.cli import history, main
from p2pbot.cli.progress import Progress
from p2pbot.errors import ConfigError
from tests.e2e.stage import Script, Stage, stage
from tests.fakes.pictures import JPEG, png


@dataclass
class Shop:
    """A sandbox with an order, and the command line called against it."""

    stage: Stage
    order_no: str
    capsys: pytest.CaptureFixture[str]

    async def call(self, *arguments: str) -> int:
        """Call p2pbot."""
        return await asyncio.to_thread(main, ["--config", str(self.stage.config), *arguments])

    async def shown(self, *more: str) -> str:
        """Return what ``history`` prints."""
        self.capsys.readouterr()
        assert await self.call("history", self.order_no, *more) == 0
        return self.capsys.readouterr().out


@pytest.fixture
async def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Shop]:
    """Open a sandbox with an order."""
    async with stage(tmp_path, Script(exchange={"history_lag_ms": 0, "variety": True})) as made:
        yield Shop(made, await made.box.open_order("main"), capsys)


async def test_all_pages_are_read_in_the_order_in_which_it_was_said(shop: Shop) -> None:
    """Three pages of them, none twice, none missing."""
    for number in range(250):
        await shop.stage.box.say(shop.order_no, f"line {number} end")
    told = await shop.shown()
    places = [told.index(f"line {number} end") for number in range(250)]
    assert places == sorted(places)
    assert told.count("line 77 end") == 1


async def test_the_rule_that_spoke_is_told_after_the_daemon_is_gone(shop: Shop) -> None:
    """The store knows which lines were p2pbot's, by which rule, and which were a person's."""
    async with shop.stage.daemon():
        await shop.stage.box.say(shop.order_no, "I paid")
        await shop.stage.box.wait_for(lambda world: len(world.said_by_bot(shop.order_no)) == 2)
        await shop.stage.box.operator_says(shop.order_no, "I look myself")
        await shop.stage.until_settled(
            shop.order_no, lambda entries, rows: len(entries) >= 3 and all(row.state.is_final for row in rows)
        )
    told = await shop.shown()
    assert "p2pbot [greeting]  Hello!" in told
    assert "p2pbot [paid-claim]  Thanks!" in told
    assert "you  I look myself" in told


async def test_a_talk_replays_with_other_rules(shop: Shop, tmp_path: Path) -> None:
    """What ``history`` writes, ``rules replay`` reads: the way from a real talk to better rules."""
    await shop.stage.box.say(shop.order_no, "where do I send it?")
    chats = tmp_path / "chats.jsonl"
    assert await shop.call("history", shop.order_no, "--out", str(chats)) == 0
    new = tmp_path / "new.yaml"
    new.write_text("version: 1\nrules:\n  - {id: where, words: [where], reply: Here!}\n")
    shop.capsys.readouterr()
    code = await shop.call(
        "rules", "replay", str(chats), "--against", str(tmp_path / "rules-main"), "--rules", str(new)
    )
    assert code == 1
    assert "+ Here!" in shop.capsys.readouterr().out


async def test_a_page_is_whole_and_for_its_owner(shop: Shop, tmp_path: Path) -> None:
    """With its pictures inside, in a file that only the owner can read; the format follows the ending."""
    await shop.stage.box.send_image(shop.order_no, JPEG, declared="jpg")
    await shop.stage.box.send_image(shop.order_no, b"<svg onload=alert(1)>", declared="jpg")
    page = tmp_path / "talk.html"
    assert await shop.call("history", shop.order_no, "--out", str(page)) == 0
    made = page.read_text("utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert base64.b64encode(JPEG).decode() in made
    assert made.count("<img") == 1
    assert "no picture that a browser shows" in made
    assert not (tmp_path / ".talk.html.part").exists()


async def test_a_picture_of_ours_is_in_the_page_with_its_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What p2pbot showed the counterparty is shown as its own."""
    rules = "version: 1\nrules:\n  - {id: qr, words: [how], reply: {image: qr.png}}\n"
    async with stage(tmp_path, Script(rules=rules, exchange={"history_lag_ms": 0, "variety": True})) as made:
        (tmp_path / "rules-main" / "qr.png").write_bytes(png(30, 30))
        shop = Shop(made, await made.box.open_order("main"), capsys)
        async with made.daemon():
            await made.until_open()
            await made.box.say(shop.order_no, "how?")
            await made.until_settled(
                shop.order_no, lambda _, rows: bool(rows) and all(row.state.is_final for row in rows)
            )
        told = await shop.shown("--format", "html")
    assert base64.b64encode(png(30, 30)).decode() in told
    assert "p2pbot · rule <b>qr</b>" in told


async def test_a_page_may_do_without_pictures(shop: Shop) -> None:
    """Then none is fetched, and the page says that they are not there."""
    await shop.stage.box.send_image(shop.order_no, JPEG, declared="jpg")
    told = await shop.shown("--format", "html", "--no-pictures")
    assert "<img" not in told
    assert "it was not fetched" in told


async def test_pictures_in_a_page_have_a_bound(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each and of all; what does not fit is told."""
    for _ in range(3):
        await shop.stage.box.send_image(shop.order_no, JPEG, declared="jpg")
    monkeypatch.setattr(history, "MAX_PAGE_BYTES", 2 * len(JPEG))
    told = await shop.shown("--format", "html")
    assert told.count("<img") == 2
    assert "p2pbot images fetches all" in told
    monkeypatch.setattr(history, "MAX_PAGE_BYTES", 2 * len(JPEG) + 10)
    assert (await shop.shown("--format", "html")).count("<img") == 2
    monkeypatch.setattr(history, "MAX_PICTURE_BYTES", len(JPEG) - 1)
    assert "<img" not in await shop.shown("--format", "html")


async def test_a_host_that_is_not_listed_is_not_asked(shop: Shop) -> None:
    """A stranger's address in a frame stays an address."""
    shop.stage.box.world._state.rest_url = "https://elsewhere.example"
    await shop.stage.box.send_image(shop.order_no, JPEG, declared="jpg")
    assert "its host is not in exchange.picture_hosts" in await shop.shown("--format", "html")


async def test_nothing_is_marked_as_read_and_nothing_sent(shop: Shop) -> None:
    """The command looks, and that is all."""
    await shop.stage.box.say(shop.order_no, "hello")
    await shop.shown()
    asked = {call.endpoint for call in shop.stage.box.world.rest_calls("main", "")}
    assert asked == {
        "retrieveChatMessagesWithPagination",
        "getUserOrderDetail",
        "queryCounterPartyOrderStatistic",
    }
    assert not shop.stage.box.world.connects("main")


async def test_an_empty_talk_is_told(shop: Shop) -> None:
    """Exit code 1, and no file."""
    shop.stage.box.world._state.order(shop.order_no).lines.clear()
    assert await shop.call("history", shop.order_no) == 1
    assert "has no message" in shop.capsys.readouterr().err


async def test_an_order_of_nobody_is_told_in_a_sentence(shop: Shop) -> None:
    """What the exchange refuses is told, and exit code is 1."""
    assert await shop.call("history", "123") == 1
    assert "Traceback" not in shop.capsys.readouterr().err


async def test_a_file_that_cannot_be_written_is_told(shop: Shop, tmp_path: Path) -> None:
    """By its name and the cause."""
    await shop.stage.box.say(shop.order_no, "hello")
    assert await shop.call("history", shop.order_no, "--out", str(tmp_path / "none" / "talk.txt")) == 78
    assert "No such file" in shop.capsys.readouterr().err


def test_a_page_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    """A file is replaced whole or not at all."""
    target = tmp_path / "talk.html"
    target.write_text("old")
    (tmp_path / ".talk.html.part").mkdir()
    with pytest.raises(ConfigError):
        history._give(["new"], target)
    assert target.read_text() == "old"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_progress_is_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn over, fits the width, and is gone at the end; elsewhere there is none."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        with Progress("fetching", 4, stream) as progress:
            progress.show(1, "x" * 100)
            progress.show(4)
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[1].startswith("fetching [######..................] 1/4")
    assert all(len(line) < 40 for line in drawn)
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert file.getvalue() == ""


async def test_json_lines_may_be_gathered(shop: Shop) -> None:
    """Standard output holds the line and nothing else, so that several orders make one file."""
    await shop.stage.box.say(shop.order_no, "hello")
    (line,) = (await shop.shown("--format", "jsonl")).splitlines()
    assert json.loads(line)["name"] == shop.order_no
