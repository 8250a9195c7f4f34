"""rules/: what the demo and a clone answer by, as it lies there. What is in it is tested in test_packs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.model import EventKind
from p2pbot.rules.ruleset import load_rules
from tests.fakes.occasions import NUMBER, Rules
from tests.fakes.packs import faults

_RULES = Path(__file__).parents[2] / "rules"
_FILES = {path.name: path.read_text("utf-8") for path in sorted(_RULES.glob("*.yaml"))}


def starter() -> Rules:
    """Return the set."""
    loaded = load_rules(_FILES)
    assert loaded.ruleset is not None
    return Rules(loaded.ruleset)


@pytest.mark.parametrize("below", ["", "extra"])
def test_the_set_has_no_finding_at_all_and_its_dialogues_pass(below: str) -> None:
    """Not even a warning; nor have the packs that wait to be asked for."""
    place = _RULES / below
    paths = [*place.glob("*.yaml"), *(place / "tests").glob("*.yaml")]
    assert faults({str(path.relative_to(place)): path.read_text("utf-8") for path in paths}) == []


def test_the_set_does_not_depend_on_the_hour() -> None:
    """The demo is played by day and by night."""
    assert "hours:" not in "".join(_FILES.values())


@pytest.mark.parametrize(
    ("text", "winner", "beginning"),
    [
        ("Hello! How do I pay?", "how-to-pay", "The payment details"),
        ("I paid", "paid-claim", "Thank you! The order"),
        ("Здравствуйте, я оплатил", "paid-claim", "Спасибо! Ордер"),
        ("Hola, ya pagué", "paid-claim", "¡Gracias! La orden"),
        ("我付款了", "paid-claim", "谢谢"),
        ("لقد دفعت", "paid-claim", "شكرًا"),
        ("ödedim", "paid-claim", "Teşekkür"),
        ("fiz o pix", "paid-claim", "Obrigado! A ordem"),
        ("j'ai payé", "paid-claim", "Merci ! L'ordre"),
        ("mình ck rồi nhé", "paid-claim", "Cảm ơn bạn! Lệnh"),
        ("पेमेंट कर दिया", "paid-claim", "धन्यवाद! ऑर्डर"),
        ("maine payment kar diya", "paid-claim", "धन्यवाद! ऑर्डर"),
        ("oplatil", "paid-claim", "Спасибо! Ордер"),
    ],
)
def test_a_person_is_answered_in_their_language(text: str, winner: str, beginning: str) -> None:
    """The script, letters and small words tell."""
    (firing,) = starter().ask(text).firings
    assert firing.rule_id == winner
    assert firing.bubbles[0].startswith(beginning)


def test_what_could_be_several_languages_is_answered_in_the_first() -> None:
    """Or in ``default:``, if the merchant writes that."""
    (firing,) = starter().ask("como pago").firings
    assert firing.bubbles[0].startswith("The payment details")


def test_an_order_is_greeted_once_by_event_or_by_hello() -> None:
    """Both rules share one count."""
    (firing,) = starter().ask(EventKind.ORDER_CREATED).firings
    assert firing.rule_id == "greeting"
    assert NUMBER in firing.bubbles[0]
    assert {mark.group for mark in firing.marks} == {"greeting"}


def test_a_dispute_goes_to_a_person_and_the_bot_falls_silent() -> None:
    """Neutral words, a notice, a handover."""
    (firing,) = starter().ask("I will open an appeal").firings
    assert firing.handover is not None
    assert firing.notify
