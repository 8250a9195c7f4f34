"""The commands that look at rules look at their pictures too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Place
from tests.fakes.pictures import png

CLI = Callable[..., int]
RULE = """\
version: 1
rules:
  - id: qr
    words: qr
    reply: [Hello, {image: images/qr.png, caption: "Scan it"}]
tests:
  - name: they ask
    chat:
      - counterparty: the qr please
      - bot: {text: [Hello, "[picture images/qr.png]", Scan it]}
"""


@pytest.fixture
def shown(place: Place) -> Place:
    """Rules with a picture beside them."""
    (place.path / "rules" / "20-qr.yaml").write_text(RULE, "utf-8")
    (place.path / "rules" / "images").mkdir()
    (place.path / "rules" / "images" / "qr.png").write_bytes(png(21, 33))
    return place


def test_a_picture_is_listed_and_previewed_with_its_size(
    shown: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the texts of its reply."""
    assert shown.path.is_dir()
    assert p2pbot("rules", "preview", "qr") == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "all     2. [picture images/qr.png] [21 × 33 png]" in lines
    assert "Scan it" in lines
    assert p2pbot("rules", "list", "qr") == 0
    assert "images/qr.png (21 × 33 png)" in capsys.readouterr().out


def test_a_dialogue_expects_a_picture_by_its_name(
    shown: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """As any other bubble."""
    assert shown.path.is_dir()
    assert p2pbot("rules", "test") == 0
    assert "1 dialogue: all pass" in capsys.readouterr().out
    assert p2pbot("rules", "explain", "qr") == 0
    assert "> [picture images/qr.png]" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "code"), [(("rules", "check"), 1), (("check",), 78)])
def test_a_picture_that_cannot_be_sent_is_found_before_a_customer_sees_it(
    shown: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], code: int
) -> None:
    """With its place in the rule file."""
    (shown.path / "rules" / "images" / "qr.png").write_bytes(png()[:-3])
    assert p2pbot(*command) == code
    assert "20-qr.yaml:5:28: `images/qr.png` is broken" in capsys.readouterr().out


def test_the_configuration_says_how_large_a_picture_may_be(
    shown: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands judge as the daemon does."""
    (shown.path / "rules" / "images" / "qr.png").write_bytes(png() + bytes(6 * 1024 * 1024))
    assert p2pbot("rules", "check") == 1
    assert "has more than 5 MiB" in capsys.readouterr().out
    with shown.config.open("a") as config:
        config.write("pictures: {max_mib: 7}\n")
    assert p2pbot("rules", "check") == 0
