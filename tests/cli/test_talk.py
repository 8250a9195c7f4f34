"""A whole talk from the history: all pages, bounded, and pictures also where the filter's word is another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from p2pbot.cli import talk
from p2pbot.cli.talk import read_pictures, read_talk
from p2pbot.errors import KeyRefused, P2pbotError, RateLimited, RequestRefused
from p2pbot.protocol.rest import Answer, RestCall

T = TypeVar("T")
ORDER = "20476365073825144832"


@dataclass
class History:
    """``ports.Rest`` with a talk of so many messages; each tenth is a picture."""

    messages: int
    page_rows: int = 100
    filter_word: str = "image"
    refusal: P2pbotError | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    clock_offset_ms: int | None = 0

    async def call(self, request: RestCall[T]) -> T:
        """Give a page below an id."""
        query = dict(request.query)
        self.asked.append(query)
        word = query.get("chatMessageType", "")
        if word and self.refusal:
            raise self.refusal
        below = int(query.get("id") or self.messages + 1)
        rows = [self._row(number) for number in range(below - 1, 0, -1)]
        if word:
            rows = [row for row in rows if word == self.filter_word and row["type"] == "image"]
        return request.parse(Answer(data=rows[: min(self.page_rows, int(query["rows"]))], total=len(rows)))

    def _row(self, number: int) -> dict[str, Any]:
        picture = {"type": "image", "imageUrl": f"https://a/{number}.png"} if number % 10 == 0 else {"type": "text"}
        return {"id": number, "orderNo": ORDER, "self": False, "createTime": 1_767_600_000_000 + number} | picture


def progress() -> tuple[list[tuple[int, int | None]], Any]:
    """Return what was noted, and who notes it."""
    noted: list[tuple[int, int | None]] = []
    return noted, lambda rows, total: noted.append((rows, total))


@pytest.mark.parametrize("page_rows", [100, 50, 20])
@pytest.mark.parametrize("messages", [0, 1, 19, 20, 100, 101, 350])
def test_all_of_it_is_read_in_order(messages: int, page_rows: int) -> None:
    """However many fit on the server's page; each once, oldest first."""
    noted, note = progress()
    found = asyncio.run(read_talk(History(messages, page_rows), ORDER, note))
    assert [message.message_id for message in found.messages] == [str(number) for number in range(1, messages + 1)]
    assert not found.truncated
    assert noted[0] == (min(messages, page_rows), messages)
    assert noted[-1][0] == messages


def test_an_endless_talk_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is said."""
    monkeypatch.setattr(talk, "_MOST_PAGES", 3)
    found = asyncio.run(read_talk(History(1000), ORDER, progress()[1]))
    assert (len(found.messages), found.truncated) == (300, True)


def test_pictures_are_asked_for_by_the_filter() -> None:
    """Two pages and the end of them, instead of fifteen of everything."""
    history = History(1500)
    found = asyncio.run(read_pictures(history, ORDER, progress()[1]))
    assert len(found.messages) == 150
    assert [query.get("chatMessageType") for query in history.asked] == ["image"] * 3


@pytest.mark.parametrize("history", [History(300, filter_word="IMAGE"), History(300, refusal=RequestRefused("-31002"))])
def test_where_the_filter_does_not_work_all_is_read(history: History) -> None:
    """Its word is not published for certain: an empty or refused answer is not believed."""
    found = asyncio.run(read_pictures(history, ORDER, progress()[1]))
    assert [message.message_id for message in found.messages] == [str(number) for number in range(10, 301, 10)]


@pytest.mark.parametrize("error", [RateLimited("slow", retry_after_s=9), KeyRefused("-2015")])
def test_what_asking_again_would_worsen_is_raised(error: P2pbotError) -> None:
    """A limit or a refused key is no matter of the filter."""
    history = History(300, refusal=error)
    with pytest.raises(type(error)):
        asyncio.run(read_pictures(history, ORDER, progress()[1]))
    assert len(history.asked) == 1
