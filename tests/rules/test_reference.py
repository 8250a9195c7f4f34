"""The reference is the models': every key is on the page, every example on it is right, and the page is current."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from p2pbot.document import load_document
from p2pbot.model import EventKind
from p2pbot.rules import dialogue, fields, given, hours, spec
from p2pbot.rules.filters import DEFAULT, FILTERS
from p2pbot.rules.reference import page
from p2pbot.rules.schema import rule_schema
from p2pbot.rules.vocabulary import EVENTS, VOCABULARY
from p2pbot.rules.vocabulary import FILTERS as TOLD_FILTERS

_PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
_MODULES = (dialogue, spec, given, hours, fields)
MODELS: dict[str, type[BaseModel]] = {
    name: next(vars(m)[name] for m in _MODULES if name in vars(m)) for name in VOCABULARY
}
_FOLLOWS = {("OrderGiven", key) for key in dialogue.FOLLOWS}
_LATER = {("WhenSpec", "zone")}  # stands beside another key


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_key_of_a_model_has_its_words(name: str) -> None:
    """And no other has."""
    keys = {field.alias or key for key, field in MODELS[name].model_fields.items()}
    ours = {key for key in keys if key not in dialogue.FOLLOWS} if name == "OrderGiven" else keys
    assert ours <= set(VOCABULARY[name]) <= keys


def test_every_mapping_of_the_schema_has_its_words() -> None:
    """Nothing is left for the reader to guess."""
    mappings = {name for name, part in rule_schema()["$defs"].items() if "properties" in part}
    assert mappings <= set(VOCABULARY)


@pytest.mark.parametrize(
    ("name", "key"),
    [(n, k) for n, words in VOCABULARY.items() for k in words if (n, k) not in _FOLLOWS | _LATER],
)
def test_every_example_is_right(name: str, key: str) -> None:
    """The model takes it; that other keys are missing is no fault of the example."""
    text = f"{key}: {VOCABULARY[name][key].example}\n"
    found = load_document(text, "a.yaml", MODELS[name]).findings
    assert [one.headline for one in found if one.position.column > 1 or "unknown" in one.message] == []


def test_events_and_filters_are_those_that_there_are() -> None:
    """In the order of the program."""
    assert list(EVENTS) == [event.value for event in EventKind]
    assert set(TOLD_FILTERS) == {*FILTERS, DEFAULT}


def test_the_page_is_current() -> None:
    """``make pages`` mends it."""
    assert _PAGE.endswith(f"\n{page()}\n")


def test_an_editor_shows_the_words() -> None:
    """At every key, with the example."""
    words = rule_schema()["$defs"]["RuleSpec"]["properties"]["words"]["description"]
    assert words == 'one of these words or phrases is in the message. Example: words: [paid, "оплат*"]'
