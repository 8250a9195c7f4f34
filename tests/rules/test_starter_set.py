"""rules/: a set that a merchant can use as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.conversation.dialogues import play_all
from p2pbot.document import load_document
from p2pbot.model import EventKind, OrderStatus, Reason, Side
from p2pbot.rules.facts import Facts
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.spec import FileSpec, RuleSpec
from tests.fakes.occasions import NUMBER, Rules, an_order, some_facts

_RULES = Path(__file__).parents[2] / "rules"
_FILES = {path.name: path.read_text("utf-8") for path in sorted(_RULES.glob("*.yaml"))}
_LOADED = load_rules(_FILES)
_LANGUAGES = {"en", "es", "ru", "zh", "ar", "tr"}


def starter() -> Rules:
    """Return the set."""
    assert _LOADED.ruleset is not None
    return Rules(_LOADED.ruleset)


def specs() -> list[RuleSpec]:
    """Return the rules as they are written."""
    files = [load_document(text, name, FileSpec).value for name, text in _FILES.items()]
    return [rule for file in files if file for rule in file.rules]


def facts_for(rule: RuleSpec) -> Facts:
    """Return a sale in the first state that the rule is for."""
    statuses = sorted(rule.when.statuses) or [OrderStatus.UNPAID]
    return some_facts(an_order(side=Side.SELL, status=statuses[-1]))


def test_the_set_has_no_finding_at_all() -> None:
    """Not even a warning."""
    assert [finding.render() for finding in _LOADED.findings] == []


@pytest.mark.parametrize("rule", [rule for rule in specs() if rule.examples], ids=lambda rule: rule.id)
def test_each_example_is_answered_by_its_own_rule_and_no_other(rule: RuleSpec) -> None:
    """No rule hides another."""
    for text in rule.examples or ():
        assert starter().winners(text, facts_for(rule)) == [rule.id], text


@pytest.mark.parametrize("rule", [rule for rule in specs() if rule.examples], ids=lambda rule: rule.id)
def test_no_purchase_is_ever_answered(rule: RuleSpec) -> None:
    """We buy: what a sale's rules would say would be wrong."""
    for status in OrderStatus:
        facts = some_facts(an_order(side=Side.BUY, status=status))
        assert [starter().winners(text, facts) for text in rule.examples or ()] == [[]] * len(rule.examples or ())


@pytest.mark.parametrize("event", list(EventKind))
def test_no_event_of_a_purchase_or_of_an_unknown_side_is_answered(event: EventKind) -> None:
    """Not known is not ours."""
    for side in (Side.BUY, None):
        assert starter().winners(event, some_facts(an_order(side=side))) == []


@pytest.mark.parametrize("rule", specs(), ids=lambda rule: rule.id)
def test_every_text_is_there_in_six_languages(rule: RuleSpec) -> None:
    """And each is said in the language that was asked for."""
    assert isinstance(rule.reply, dict)
    assert set(rule.reply) == _LANGUAGES


@pytest.mark.parametrize("rule", specs(), ids=lambda rule: rule.id)
def test_no_text_promises_a_release_or_confirms_a_payment(rule: RuleSpec) -> None:
    """Only a person does that."""
    assert isinstance(rule.reply, dict)
    forbidden = (
        "will release",
        "received your payment",
        "payment received",
        "liberaremos",
        "отпустим",
        "платёж получен",
        "放币",
        "已收到",
        "سنحرر",
        "serbest bırakacağız",
    )
    for text in rule.reply.values():
        assert not [words for words in forbidden if words in str(text)]


@pytest.mark.parametrize(
    ("text", "winner", "beginning"),
    [
        ("Hello! How do I pay?", "how-to-pay", "The payment details"),
        ("I paid", "paid-claim", "Thank you! The order"),
        ("Здравствуйте, я оплатил", "paid-claim", "Спасибо! Ордер"),
        ("Hola, ya pagué", "paid-claim", "¡Gracias! La orden"),
        ("我付款了", "paid-claim", "谢谢"),
        ("لقد دفعت", "paid-claim", "شكرًا"),
        ("ödedim", "paid-claim", "Teşekkürler"),
    ],
)
def test_a_person_is_answered_in_their_language(text: str, winner: str, beginning: str) -> None:
    """The script and the small words tell."""
    (firing,) = starter().ask(text).firings
    assert firing.rule_id == winner
    assert firing.bubbles[0].startswith(beginning)


@pytest.mark.parametrize("text", ["thanks, doing it now", "ok", "спасибо", "好的", "👍", "1234", ""])
def test_small_talk_is_left_alone(text: str) -> None:
    """A bot that answers everything is a nuisance."""
    assert starter().ask(text).reason is Reason.NO_RULE


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


def test_its_dialogues_pass() -> None:
    """A whole sale, limits, takeover, dispute, appeal."""
    paths = [*_RULES.glob("*.yaml"), *(_RULES / "tests").glob("*.yaml")]
    files = {str(path.relative_to(_RULES)): path.read_text("utf-8") for path in paths}
    ruleset = load_rules(files).ruleset
    assert ruleset is not None
    played = play_all(ruleset, files)
    assert len(played) >= 8
    assert [failure.finding.headline for test in played for failure in test.failures] == []
