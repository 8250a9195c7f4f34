"""Rules are swapped whole or not at all, and the last good ones outlive a bad start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from p2pbot.daemon.rulebook import Rulebook
from p2pbot.errors import ConfigError, RulesError, StateUnwritable
from p2pbot.model import Reason
from p2pbot.rules.pictures import PictureFlaw, PictureName, Pictures, ReadPictures
from p2pbot.rules.verdict import Verdict
from tests.fakes.records import PICTURE
from tests.fakes.world import Recorder

GOOD = {"a.yaml": "version: 1\nrules:\n  - {id: a, words: hello, reply: Welcome}\n"}
OTHER = {"a.yaml": "version: 1\nrules:\n  - {id: b, words: hello, reply: Welcome}\n"}
BAD = {"a.yaml": "version: 1\nrules:\n  - {id: a, wrds: hello, reply: Welcome}\n"}


FAILING = {"a.yaml": OTHER["a.yaml"] + "tests:\n  - {name: it, chat: [{counterparty: hello}, {bot: Bye}]}\n"}


@dataclass
class Shelf:
    """Copies in memory; ``full`` refuses to take another one."""

    copies: dict[str, Mapping[str, str]] = field(default_factory=dict)
    full: bool = False

    pictures: ReadPictures = field(default_factory=ReadPictures)

    def keep(self, account: str, files: Mapping[str, str], pictures: ReadPictures) -> None:
        """Keep them."""
        if self.full:
            raise StateUnwritable("the shelf is full")
        self.copies[account], self.pictures = files, pictures

    def kept(self, account: str) -> tuple[Mapping[str, str], Pictures] | None:
        """Return them."""
        return (self.copies[account], self.pictures.sound) if account in self.copies else None


@dataclass
class Bench:
    """A rulebook over files that a test changes."""

    files: Mapping[str, str] | ConfigError = field(default_factory=lambda: GOOD)
    told: Recorder = field(default_factory=Recorder)
    shelf: Shelf = field(default_factory=Shelf)
    pictures: ReadPictures = field(default_factory=ReadPictures)
    tests: Mapping[str, str] = field(default_factory=dict)

    def book(self) -> Rulebook:
        """Return a new rulebook, as after a start."""
        return Rulebook(
            "main",
            self.read,
            self.told,
            self.told,
            look_at=lambda _files: self.pictures,
            tests=lambda: self.tests,
            copies=self.shelf,
            now=lambda: "14:02 UTC",
        )

    def read(self) -> Mapping[str, str]:
        """Return the files."""
        if isinstance(self.files, ConfigError):
            raise self.files
        return self.files


def ids(book: Rulebook) -> list[str]:
    """Return the ids of the rules in force."""
    return [rule.id for rule in book().rules]


async def test_a_good_set_replaces_the_old_one() -> None:
    """Whole, and the copy with it."""
    bench = Bench()
    book = bench.book()
    await book.start()
    bench.files = OTHER
    assert await book.reload()
    assert ids(book) == ["b"]
    assert bench.shelf.copies["main"] == OTHER


@pytest.mark.parametrize("files", [BAD, FAILING, {}, ConfigError("rules/a.yaml:2: not UTF-8 text")])
async def test_a_bad_set_changes_nothing_and_is_told(files: Mapping[str, str] | ConfigError) -> None:
    """The operator reads what is wrong and what runs instead."""
    bench = Bench()
    book = bench.book()
    await book.start()
    bench.files = files
    assert not await book.reload()
    assert ids(book) == ["a"]
    (notice,) = bench.told.notices
    assert notice.urgent
    assert notice.text.startswith("Rules NOT loaded: ")
    assert notice.text.endswith("still running those of 14:02 UTC.")


@pytest.mark.parametrize(
    ("test", "place"),
    [
        ("tests:\n  - {name: it, chat: [{counterparty: hello}, {bot: Bye}]}\n", "tests/it.yaml:3:52: "),
        ("tests:\n  - {nam: it, chat: []}\n", "tests/it.yaml:3:6: unknown key `nam`; did you mean `name`?"),
    ],
    ids=["fails", "unreadable"],
)
async def test_a_test_in_a_file_of_its_own_guards_a_reload_and_no_start(test: str, place: str) -> None:
    """The set is refused with the test's place; the next start runs by it all the same."""
    bench = Bench(tests={"tests/it.yaml": "version: 1\n" + test})
    book = bench.book()
    await book.start()
    bench.files = OTHER
    assert not await book.reload()
    assert ids(book) == ["a"]
    assert place in bench.told.notices[0].text
    bench.tests = {}
    assert await book.reload()
    assert ids(book) == ["b"]


async def test_the_notice_names_the_place() -> None:
    """File, line and column, with what is meant."""
    bench = Bench()
    book = bench.book()
    await book.start()
    bench.files = BAD
    await book.reload()
    assert "a.yaml:3:13: unknown key `wrds`; did you mean `words`?" in bench.told.notices[0].text


async def test_a_start_with_bad_rules_runs_the_last_good_ones_loudly() -> None:
    """What ran before the restart runs on."""
    bench = Bench()
    before = bench.book()
    await before.start()
    await before.keep()
    bench.files = BAD
    book = bench.book()
    await book.start()
    assert ids(book) == ["a"]
    assert bench.told.notices[0].text.endswith("running the last good copy.")
    bench.files = OTHER
    assert await book.reload()
    assert ids(book) == ["b"]


@pytest.mark.parametrize("copy", [None, BAD, {}])
async def test_a_start_with_bad_rules_and_no_good_copy_is_refused_whole(copy: Mapping[str, str] | None) -> None:
    """With every finding."""
    bench = Bench(files=BAD)
    if copy is not None:
        bench.shelf.copies["main"] = copy
    with pytest.raises(RulesError) as caught:
        await bench.book().start()
    assert "a.yaml:3:13" in caught.value.findings[0]


async def test_a_start_writes_nothing_until_it_is_told_to() -> None:
    """The state directory may be another process's."""
    bench = Bench()
    book = bench.book()
    await book.start()
    assert bench.shelf.copies == {}
    await book.keep()
    assert bench.shelf.copies == {"main": GOOD}


async def test_a_copy_that_cannot_be_written_stops_nothing() -> None:
    """It is said; the new rules are in force."""
    bench = Bench(shelf=Shelf(full=True))
    book = bench.book()
    await book.start()
    bench.files = OTHER
    assert await book.reload()
    assert ids(book) == ["b"]
    assert "rules_copy_not_written" in dict(bench.told.events)


async def test_two_reloads_at_once_end_with_the_files_as_they_are() -> None:
    """A signal and the watch may come together."""
    bench = Bench()
    book = bench.book()
    await book.start()
    bench.files = OTHER
    assert all(await asyncio.gather(book.reload(), book.reload()))
    assert ids(book) == ["b"]


SHOWN = {"a.yaml": "version: 1\nrules:\n  - {id: a, words: qr, reply: {image: images/qr.png}}\n"}
NAME = PictureName("a.yaml", PICTURE.name)


async def test_the_pictures_are_kept_before_a_reloaded_set_speaks() -> None:
    """A reply that was claimed can always find its picture, and the last good copy has them too."""
    bench = Bench()
    book = bench.book()
    await book.start()
    bench.files, bench.pictures = SHOWN, ReadPictures({NAME: PICTURE}, {PICTURE.sha256: b"x"})
    assert await book.reload()
    assert bench.shelf.pictures.contents == {PICTURE.sha256: b"x"}
    bench.files, bench.pictures = BAD, ReadPictures()
    again = bench.book()
    await again.start()
    assert ids(again) == ["a"]


async def test_a_picture_that_cannot_be_sent_refuses_the_set() -> None:
    """As any other error, with its place."""
    bench = Bench()
    book = bench.book()
    await book.start()
    bench.files, bench.pictures = SHOWN, ReadPictures({NAME: PictureFlaw("`images/qr.png` is animated")})
    assert not await book.reload()
    assert "a.yaml:3:39: `images/qr.png` is animated" in bench.told.notices[0].text


async def test_a_slow_pattern_is_told_once_and_left_out_until_the_next_reload() -> None:
    """However many messages meet it before the word is out."""
    bench = Bench()
    book = bench.book()
    await book.start()
    slow = Verdict(reason=Reason.NO_RULE, timed_out=("a",))
    await asyncio.gather(book.slow(slow), book.slow(slow), book.slow(None))
    assert book.left_out == {"a"}
    (notice,) = bench.told.notices
    assert (notice.urgent, notice.text) == (
        True,
        "The pattern of rule a takes too long; the rule is off until you mend and reload it.",
    )
    await book.reload()
    assert book.left_out == frozenset()


async def test_patterns_that_take_too_long_together_are_told_once() -> None:
    """None of them is left out; after a reload it is told again."""
    bench = Bench()
    book = bench.book()
    await book.start()
    pressed = Verdict(reason=Reason.NO_RULE, not_asked=("b", "c"))
    await book.slow(pressed)
    await book.slow(pressed)
    assert book.left_out == frozenset()
    assert [notice.text for notice in bench.told.notices] == [
        "The patterns of your rules together take too long: rule b was not asked."
    ]
    await book.reload()
    await book.slow(pressed)
    assert len(bench.told.notices) == 2
