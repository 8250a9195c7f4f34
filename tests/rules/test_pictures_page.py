"""docs/pictures.md shows rules that load."""

from __future__ import annotations

import re
from pathlib import Path

from p2pbot.model import Picture, PictureKind
from p2pbot.rules.pictures import pictures_named
from p2pbot.rules.ruleset import load_rules

TEXT = (Path(__file__).parents[2] / "docs" / "pictures.md").read_text("utf-8")


def test_every_example_loads_without_a_finding() -> None:
    """With the pictures that it names."""
    for example in re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE):
        files = {"docs.yaml": example}
        known = {
            name: Picture(name=name.path, sha256=name.path, kind=PictureKind.PNG, width=1, height=1)
            for name in pictures_named(files)
        }
        assert known
        assert load_rules(files, known).findings == ()
