"""The demo's picture: a sound PNG that is drawn here, and a rule that replies with it."""

from __future__ import annotations

from pathlib import Path

from p2pbot.adapters.files import read_rules
from p2pbot.adapters.pictures import examine, read_pictures
from p2pbot.cli.demo_picture import demo_rules, sample_picture
from p2pbot.cli.starter import starter_rules
from p2pbot.model import Picture
from p2pbot.rules.ruleset import load_rules


def test_the_picture_can_be_sent_and_is_the_same_each_time() -> None:
    """Small, square, whole."""
    seen = examine("x.png", sample_picture())
    assert isinstance(seen, Picture)
    assert seen.width == seen.height == 296
    assert sample_picture() == sample_picture()
    assert len(sample_picture()) < 2_000


def test_the_demos_rules_are_the_starter_set_and_one_more_without_a_finding(tmp_path: Path) -> None:
    """Its word calls no other rule."""
    files = read_rules(demo_rules(tmp_path, starter_rules()))
    loaded = load_rules(files, read_pictures(files).known)
    assert loaded.findings == ()
    assert loaded.ruleset is not None
    starter = load_rules(read_rules(starter_rules())).ruleset
    assert starter is not None
    assert len(loaded.ruleset) == len(starter) + 1
