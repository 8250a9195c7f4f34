"""The starter packs: cut to languages by their lines, chosen by name, read from where they are installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2pbot.cli.starter_choices import (
    machine_zone,
    parse_account,
    parse_languages,
    parse_packs,
    parse_zone,
    usual_packs,
)
from p2pbot.cli.starter_packs import LANGUAGES, dialogue_texts, in_languages, in_zone, only_clocks_differ
from p2pbot.config.schema import _NAME
from tests.fakes.packs import DIRECTORY, PACKS

_TEXT = """\
# a head
rules:
  - id: a
    words: [
      # en
      paid, sent,
      # es
      pagado,
      # ru
      оплачено,
      ]
    on: message
    reply:
      en: "Thank you,
        and good bye."
      es: "Gracias."
      ru: "Спасибо."

  # en, said by somebody
  - id: b
"""


def test_all_languages_in_their_order_are_the_file_itself() -> None:
    """Byte for byte, and so is every pack."""
    for text in (_TEXT, *(pack.text for pack in PACKS)):
        assert in_languages(text, tuple(LANGUAGES)) == text


def test_a_file_is_cut_to_languages_in_the_order_given() -> None:
    """Words and replies; other lines stay."""
    assert in_languages(_TEXT, ["ru", "en"]) == (
        "# a head\nrules:\n  - id: a\n    words: [\n"
        "      # ru\n      оплачено,\n      # en\n      paid, sent,\n      ]\n"
        '    on: message\n    reply:\n      ru: "Спасибо."\n      en: "Thank you,\n        and good bye."\n'
        "\n  # en, said by somebody\n  - id: b\n"
    )


def test_a_dialogue_that_asks_for_a_rule_that_is_not_there_is_left_out() -> None:
    """A sale needs five packs; each pack's own dialogues need it alone."""
    greeting = [pack for pack in PACKS if pack.name == "greeting"]
    usual = [pack for pack in PACKS if not pack.extra]
    assert [name for name, _ in dialogue_texts(DIRECTORY, greeting, ["en"])] == ["tests/10-greeting.yaml"]
    assert "tests/90-a-sale.yaml" in [name for name, _ in dialogue_texts(DIRECTORY, usual, ["en"])]


def test_hours_and_clocks_move_to_a_zone() -> None:
    """The clock shows the same, there."""
    text = "windows: {night: {zone: UTC, hours: 23:00-08:00}}\n    clock: 2026-01-05T15:00+00:00\n"
    moved = in_zone(text, "Asia/Kathmandu")
    assert "zone: Asia/Kathmandu" in moved
    assert "clock: 2026-01-05T15:00+05:45" in moved
    assert in_zone(text, "") == text


def test_only_clocks_differ() -> None:
    """Not what is the same, and not what says something else."""
    text = "    clock: 2026-01-05T15:00+00:00\n    chat: x\n"
    assert only_clocks_differ(text, text.replace("+00:00", "+03:00"))
    assert not only_clocks_differ(text, text)
    assert not only_clocks_differ(text, text.replace("chat: x", "chat: y").replace("+00:00", "+03:00"))


def test_an_account_name_is_what_the_configuration_takes() -> None:
    """The same names, no others."""
    for name in ("main", "shop-2", "a", "a" * 32):
        assert _NAME.fullmatch(parse_account(name))
    for name in ("", "Main", "-a", "a-", "a b", "a" * 33, "é"):
        assert not _NAME.fullmatch(name)
        with pytest.raises(ValueError, match="small letters"):
            parse_account(name)


def test_languages_are_taken_in_the_order_given() -> None:
    """``all`` stands for the rest; commas, blanks and capitals are as good."""
    assert parse_languages("ES, en") == ("es", "en")
    assert parse_languages("ru all")[:2] == ("ru", "en")
    assert set(parse_languages("all")) == set(LANGUAGES)


def test_packs_are_named_and_mistakes_are_guessed() -> None:
    """Once each."""
    assert parse_packs("thanks thanks,greeting", PACKS) == ("thanks", "greeting")
    with pytest.raises(ValueError, match="did you mean `scam-warning`"):
        parse_packs("scam-warnings", PACKS)


def test_night_hours_are_usual_once_the_zone_is_known() -> None:
    """All other packs always are."""
    assert "night-hours" not in usual_packs(PACKS, "")
    assert len(usual_packs(PACKS, "UTC")) == len(PACKS) == len(usual_packs(PACKS, "")) + 1


def test_a_zone_is_taken_in_any_case() -> None:
    """And told in its own."""
    assert parse_zone("europe/istanbul") == "Europe/Istanbul"


@pytest.mark.parametrize(
    ("environ", "zone"),
    [({"TZ": "Asia/Dubai"}, "Asia/Dubai"), ({"TZ": ":Asia/Dubai"}, "Asia/Dubai"), ({"TZ": "Nowhere/Else"}, None)],
)
def test_the_machine_tells_its_zone(environ: dict[str, str], zone: str | None) -> None:
    """From its environment, else from the link to its zone; what is no zone is passed over."""
    found = machine_zone(environ)
    assert found == zone if zone else found == machine_zone({})


def test_every_file_of_the_start_is_one_that_a_person_reads() -> None:
    """Bounded, with lines that fit an editor, and no character that nobody sees but in scripts that need it."""
    for path in Path(DIRECTORY).rglob("*.yaml"):
        text = path.read_text("utf-8")
        assert len(text) < 40_000, path
        assert max(map(len, text.splitlines())) <= 120, path
        assert not set(text) & set("\t\u00a0\u200b\ufeff\u200f\u202f"), path


def test_the_page_names_every_pack_and_every_language() -> None:
    """In the order of their files."""
    page = (DIRECTORY.parent / "docs" / "packs.md").read_text("utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == [pack.name for pack in PACKS]
    assert all(name in page for name in LANGUAGES.values())
