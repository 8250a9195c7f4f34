"""The manual page tells what the commands tell of themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from p2pbot.cli.manual import page
from p2pbot.cli.parser import COMMANDS

MANUAL = Path(__file__).parents[2] / "docs" / "p2pbot.1"


def test_the_page_is_made_of_the_commands_as_they_are() -> None:
    """``make pages`` writes it again."""
    assert MANUAL.read_text(encoding="utf-8") == page()


def test_every_command_has_its_section() -> None:
    """Those with commands of their own have one for each of them."""
    sections = [line for line in page().splitlines() if line.startswith(".SS ")]
    for name, _, _ in COMMANDS:
        assert any(line.startswith(f".SS p2pbot {name}".replace("-", "\\-")) for line in sections), name


def test_groff_has_nothing_to_say_against_it() -> None:
    """No unknown request, no line that it takes for one."""
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not on this machine")
    done = subprocess.run([groff, "-man", "-ww", "-k", "-Tutf8", str(MANUAL)], capture_output=True, check=True)  # noqa: S603 - ours
    assert done.stderr == b""
