"""``when.picture``: rules ask what a picture's bytes say; what is not known makes the condition unknown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path as FilePath

import pytest

from p2pbot.model import ChatMessage, EventKind, ImageRef, MessageKind, Path, Stimulus
from p2pbot.protocol.pictures import PictureType, read_picture
from p2pbot.rules.given import GivenFacts, given_facts
from p2pbot.rules.ruleset import RuleSet, load_rules
from p2pbot.rules.spec import PictureSpec
from p2pbot.rules.verdict import Outcome, RuleTrace
from tests.fakes.occasions import NOW_MS, Middle
from tests.fakes.pictures import JPEG, png

KNOWN: dict[str, str | bool | int] = {
    "type": "png",
    "lied": True,
    "broken": False,
    "kib": 300,
    "width": 720,
    "height": 1600,
}


def rules(when: str, on: str = "image") -> RuleSet:
    """Return a set of one rule with ``when:``."""
    loaded = load_rules({"r.yaml": f"version: 1\nrules:\n  - {{id: it, on: {on}, when: {when}, reply: Hello!}}\n"})
    assert loaded.ruleset is not None, loaded.findings
    return loaded.ruleset


def met(ruleset: RuleSet, picture: dict[str, str | bool | int]) -> RuleTrace:
    """Return how the rule met a picture of which this is known."""
    image = ImageRef(image_url="https://a/b.jpg")
    message = ChatMessage(
        order_no="1", kind=MessageKind.IMAGE, path=Path.SOCKET, message_id="1", from_us=False, image=image
    )
    stimulus = Stimulus(kind=EventKind.IMAGE, order_no="1", key="m:1", at_ms=NOW_MS, message=message)
    facts = replace(GivenFacts().facts(NOW_MS), picture=picture)
    (trace,) = ruleset.evaluate(stimulus, facts, (), NOW_MS, Middle(), "ann").trace
    return trace


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        ("{picture: {type: png}}", Outcome.FIRED),
        ("{picture: {type: [jpeg, png]}}", Outcome.FIRED),
        ("{picture: {type: other}}", Outcome.NO),
        ("{picture: {lied: yes}}", Outcome.FIRED),
        ("{picture: {lied: no}}", Outcome.NO),
        ("{picture: {broken: no}}", Outcome.FIRED),
        ('{picture: {kib: ">200"}}', Outcome.FIRED),
        ('{picture: {width: "<720"}}', Outcome.NO),
        ('{picture: {type: png, height: "1000-2000"}}', Outcome.FIRED),
    ],
)
def test_a_condition_holds_or_not(when: str, outcome: Outcome) -> None:
    """All of it must hold; a list means any."""
    assert met(rules(when), KNOWN).outcome is outcome


@pytest.mark.parametrize("name", PictureSpec.model_fields)
def test_what_is_not_known_never_fires(name: str) -> None:
    """A picture that could not be fetched is no picture of any kind, and the trace says so."""
    value = {"type": "png", "lied": "no", "broken": "no"}.get(name, '">0"')
    trace = met(rules(f"{{picture: {{{name}: {value}}}}}"), {})
    assert (trace.outcome, trace.check, trace.actual) == (Outcome.UNKNOWN, f"when.picture.{name}", "not known")


def test_only_a_set_that_asks_has_pictures_fetched() -> None:
    """Fetching is for rules that want to know."""
    assert rules("{picture: {lied: yes}}").looks_at_pictures
    assert not rules("{side: sell}").looks_at_pictures


@pytest.mark.parametrize("on", ["message", "order_paid"])
def test_it_is_for_pictures_alone(on: str) -> None:
    """Elsewhere it could never hold, and that is said at its place."""
    text = f"version: 1\nrules:\n  - {{id: it, on: {on}, words: x, when: {{picture: {{lied: yes}}}}, reply: Hi}}\n"
    if on != "message":
        text = text.replace("words: x, ", "")
    loaded = load_rules({"r.yaml": text})
    assert loaded.ruleset is None
    assert any("`picture` is for `on: image`" in finding.message for finding in loaded.findings)


def test_a_type_that_no_picture_has_is_told() -> None:
    """With those that there are."""
    loaded = load_rules(
        {"r.yaml": "version: 1\nrules:\n  - {id: a, on: image, when: {picture: {type: jpg}}, reply: x}\n"}
    )
    assert loaded.ruleset is None
    assert "jpeg" in loaded.findings[0].render()


def test_the_types_are_those_of_the_reader() -> None:
    """Whatever the bytes say, a rule can ask for it."""
    for kind in PictureType:
        assert rules(f"{{picture: {{type: {kind.value}}}}}")


def test_what_the_reader_says_is_what_rules_ask() -> None:
    """The same names; what the bytes do not say is not there."""
    assert set(read_picture(JPEG, "png").for_rules()) == set(PictureSpec.model_fields)
    assert (
        met(
            rules("{picture: {type: jpeg, lied: yes, broken: no, kib: 1, width: 8}}"),
            read_picture(JPEG, "png").for_rules(),
        ).outcome
        is Outcome.FIRED
    )
    assert set(read_picture(b"%PDF", "").for_rules()) == {"type", "broken", "kib"}
    assert read_picture(png()[:-3]).for_rules()["broken"] is True


def test_a_person_may_give_it_for_explain() -> None:
    """``--order picture.type=png,picture.lied=yes``."""
    given = given_facts({"picture.type": "png", "picture.lied": "yes", "picture.kib": "12"}, "--order")
    assert isinstance(given, GivenFacts)
    assert given.facts(NOW_MS).picture == {"type": "png", "lied": True, "kib": 12}


def test_the_rules_of_the_page_load() -> None:
    """docs/history.md shows rules that are right."""
    page = (FilePath(__file__).parents[2] / "docs" / "history.md").read_text("utf-8")
    (shown,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if block.startswith("version: 1")]
    ruleset = load_rules({"r.yaml": shown}).ruleset
    assert ruleset is not None
    assert ruleset.looks_at_pictures
