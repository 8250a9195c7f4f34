"""The fuzzer itself: it repeats itself, it finds what was planted, and it makes a find small."""

from __future__ import annotations

import json
from inspect import isfunction
from random import Random
from typing import Any

import pytest

from p2pbot.protocol import calls
from tests.fuzz.command import main
from tests.fuzz.corpus import ORDER, TEXT
from tests.fuzz.minimise import minimised
from tests.fuzz.mutation import harmed_json, harms
from tests.fuzz.registry import TARGETS
from tests.fuzz.shapes import Wrong, check
from tests.fuzz.target import Input, Target, finds
from tests.fuzz.targets.frames import FRAME, may_be_answered
from tests.fuzz.targets.rest import CALLS
from tests.fuzz.trees import tree


@pytest.mark.parametrize("name", list(TARGETS))
def test_a_seed_is_one_input(name: str) -> None:
    """The same seed gives the same input, another one mostly another."""
    target = TARGETS[name]
    given = [target.input_of(seed) for seed in range(50)]
    assert given == [target.input_of(seed) for seed in range(50)]
    assert len(set(given)) > 20


def test_a_tree_without_harm_is_what_it_was() -> None:
    """Only harm changes the meaning."""
    assert json.loads(tree(TEXT).text) == TEXT


def test_harm_reaches_structure_types_and_texts() -> None:
    """Among some thousand harmed frames are keys twice, no JSON at all, NaN, and each key missing."""
    texts = [harmed_json(tree(TEXT), Random(seed)) for seed in range(4_000)]  # noqa: S311 - repeatable on purpose
    twice, broken, missing = 0, 0, set[str]()
    for text in texts:
        twice += any(text.count(f'"{key}":') > 1 for key in TEXT)
        missing |= {key for key in TEXT if f'"{key}":' not in text}
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            broken += 1
    assert twice > 10
    assert 10 < broken < 2_000
    assert missing == set(TEXT)
    assert any("NaN" in text for text in texts)


PLANTED: dict[str, Any] = {
    "a number without limit": lambda frame: str(int(frame["createTime"])),
    "a key that may be missing": lambda frame: frame["content"],
    "a type that is believed": lambda frame: frame["id"].strip(),
    "a text that is encoded": lambda frame: frame.get("content", "").encode(),
}


@pytest.mark.parametrize("fault", list(PLANTED))
def test_a_planted_fault_is_found(fault: str) -> None:
    """What people write who trust the exchange breaks within a thousand inputs."""

    def judge(given: Input) -> str:
        try:
            frame = json.loads(given[0])
        except (ValueError, RecursionError):
            return "no json"
        return str(PLANTED[fault](frame)) if isinstance(frame, dict) and frame.get("type") == "text" else "other"

    planted = Target("planted", FRAME.generate, judge)
    assert next(finds(planted, range(1_000), lambda _seed, _outcome: None), None)


def test_a_find_is_made_small() -> None:
    """What does not matter is taken out; what matters stays."""

    def judge(given: Input) -> str:
        assert "x" not in given[1], "an x"
        return ""

    assert minimised(Target("t", lambda _rng: (), judge), ("long text", "a x b x", "c")) == ("", "x", "")


@pytest.mark.parametrize(
    ("frame", "answerable"),
    [
        ({"type": "text", "self": False, "orderNo": ORDER}, True),
        ({"type": " Image ", "self": "false", "topicId": 5}, True),
        ({"type": "text", "self": True, "orderNo": ORDER}, False),
        ({"type": "text", "self": 0, "orderNo": ORDER}, False),
        ({"type": "text", "orderNo": ORDER}, False),
        ({"type": "auto_reply", "self": False, "orderNo": ORDER}, False),
        ({"type": "text", "self": False}, False),
        ([], False),
    ],
)
def test_the_oracle_knows_a_persons_word(frame: object, *, answerable: bool) -> None:
    """It reads the frame for itself."""
    assert may_be_answered(json.dumps(frame)) is answerable


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        (True, int),
        (2**63, int),
        ("\ud800", str),
        ("a" * 30_000, str),
        ([], tuple[str, ...]),
        (("a", 1), tuple[str, ...]),
        (1, str | None),
        (1.0, int),
    ],
)
def test_what_is_not_of_its_type_is_seen(value: object, declared: Any) -> None:
    """A bool is no int, a list no tuple, half a character no text."""
    with pytest.raises(Wrong):
        check(value, declared)


def test_a_run_by_hand_says_its_count(capsys: pytest.CaptureFixture[str]) -> None:
    """The table names inputs and finds of each target; a replay shows the input."""
    assert main(["--inputs", "300", "--target", "frame"]) == 0
    assert "frame" in (said := capsys.readouterr().out)
    assert "300" in said
    assert main(["--replay", "frame:7"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_harms_do_not_let_a_text_grow_for_ever() -> None:
    """Doubling stops at a bound."""
    text = "a" * 15_000
    rng = Random(1)  # noqa: S311 - repeatable on purpose
    for _ in range(300):
        text = harms(text, rng)
    assert len(text) < 60_000


def test_every_call_of_the_exchange_is_fuzzed() -> None:
    """A call that is new in ``protocol.calls`` needs its examples here."""
    asked = {make().name for make, _, _ in CALLS.values()}
    public = {name for name, value in vars(calls).items() if isfunction(value) and not name.startswith("_")}
    assert asked == {name for name in public if getattr(calls, name).__module__ == calls.__name__}
