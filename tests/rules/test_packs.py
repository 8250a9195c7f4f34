"""The packs of the starter set, each in ten languages: complete, tested, polite, and never taken for one another."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from p2pbot.cli.starter_packs import Pack, rule_texts
from p2pbot.conversation.dialogues import play_all
from p2pbot.document import load_document
from p2pbot.model import EventKind, OrderStatus, Reason, Side
from p2pbot.rules.dialogue import RuleFile
from p2pbot.rules.languages import guess_language
from p2pbot.rules.replies import MAX_BUBBLE
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.set_lints import _PROMISE
from p2pbot.rules.spec import RuleSpec
from p2pbot.rules.templates import lengths
from tests.fakes.occasions import an_order, some_facts
from tests.fakes.packs import CODES, NIGHT_MS, NOON_MS, PACKS, complete, faults, files_of, occasions, specs

_HEARD = Path(__file__).parent / "heard.tsv"
_SHORT = 420  # characters, filled in: what one reads on a phone without scrolling
_COMPLETE = complete()
_EACH_PACK = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
_EACH_LANGUAGE = pytest.mark.parametrize("code", CODES)


def texts(rule: RuleSpec) -> dict[str, str]:
    """Return a rule's texts by language."""
    assert isinstance(rule.reply, dict)
    return {code: str(text) for code, text in rule.reply.items()}


def test_the_packs_are_those_that_are_promised() -> None:
    """Eight topics, each with a line on what it does."""
    names = [
        "greeting",
        "how-to-pay",
        "paid-claim",
        "no-third-party",
        "waiting",
        "night-hours",
        "thanks",
        "scam-warning",
    ]
    assert [pack.name for pack in PACKS] == names
    assert [pack.name for pack in PACKS if pack.extra] == ["night-hours"]
    assert all(0 < len(pack.about) <= 62 for pack in PACKS)  # a line of a narrow terminal


@_EACH_PACK
def test_every_text_is_there_in_all_languages(pack: Pack) -> None:
    """In the same order, so that the first one is the same language everywhere."""
    for rule in specs(pack):
        assert tuple(texts(rule)) == CODES, rule.id


@_EACH_PACK
@_EACH_LANGUAGE
def test_every_language_of_a_pack_has_its_examples(pack: Pack, code: str) -> None:
    """Six that it takes and four that it must not take, at least."""
    rules = specs(pack, [code])
    assert sum(len(rule.examples or ()) for rule in rules) >= 6
    assert sum(len(rule.not_examples or ()) for rule in rules) >= 4


@_EACH_LANGUAGE
def test_every_language_of_a_pack_has_a_dialogue_in_which_its_texts_are_said(code: str) -> None:
    """Every rule speaks in one, and the words that are looked for are of that language."""
    files = files_of(codes=[code])
    read = [load_document(text, name, RuleFile).value for name, text in files.items()]
    asked = {step.bot.rule for file in read if file for test in file.tests for step in test.chat if step.bot}
    rules = {rule.id for pack in PACKS for rule in specs(pack)}
    assert rules - asked <= (set() if code == "en" else {"greeting"})  # nobody's language is known before they write


@_EACH_LANGUAGE
def test_one_language_alone_is_sound(code: str) -> None:
    """No finding, all examples and dialogues pass: no language leans on the words of another."""
    assert faults(files_of(codes=[code])) == []


@_EACH_PACK
def test_one_pack_alone_is_sound(pack: Pack) -> None:
    """No finding, and its dialogues pass."""
    files = files_of([pack])
    assert faults(files) == []
    assert len(files) == 2


def test_all_packs_together_are_sound() -> None:
    """No warning either, and more than a hundred dialogues."""
    files = files_of()
    assert faults(files) == []
    ruleset = load_rules(files).ruleset
    assert ruleset is not None
    assert len(play_all(ruleset, files)) > 100


@_EACH_PACK
def test_no_example_of_any_language_is_taken_by_another_rule(pack: Pack) -> None:
    """The confusion table: every example of ten languages, put to all packs in ten languages."""
    confused = [
        (text, rule.id, winners)
        for rule in specs(pack)
        for facts in occasions(rule)
        for text in rule.examples or ()
        if (winners := _COMPLETE.winners(text, facts)) != [rule.id]
    ]
    assert confused == []


def otherwise_typed(text: str) -> set[str]:
    """Return a text as other keyboards send it: decomposed, in capitals, without accents, with marks nobody sees."""
    decomposed = unicodedata.normalize("NFD", text)
    bare = re.sub(r"(?<=[A-Za-z])[\u0300-\u036f]+", "", decomposed).replace("đ", "d").replace("ı", "i")
    pointed = text.replace("دفعت", "دَفَعْتُ").replace("ا", "اـ")
    return {decomposed, text.upper(), bare, pointed, f"\u200f{text}\u200e", f"{text} 🙏🏽", f"…{text}!!!"}


@_EACH_PACK
def test_how_a_text_is_typed_makes_no_difference(pack: Pack) -> None:
    """Nor which script's marks it carries."""
    different = [
        (typed, rule.id)
        for rule in specs(pack)
        for facts in occasions(rule)[:1]
        for text in rule.examples or ()
        for typed in otherwise_typed(text)
        if _COMPLETE.winners(typed, facts) != [rule.id]
    ]
    assert different == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "I haven't paid yet",
            "not paid",
            "will pay soon",
            "how do I get paid",
            "Where is Transferred, notify seller?",
        ),
        *("todavía no pagué", "aún no he pagado", "no hice el pago", "voy a pagar", "¿ya se paga?"),
        *("я не оплатил", "ещё не перевела", "ne oplatil", "сейчас оплачу", "вы оплатили?"),
        *("还没付", "没付款", "等会付", "你付了吗", "还没有转账"),
        *("لم أدفع بعد", "ما دفعت", "سوف أدفع", "هل دفعت؟", "لم يتم الدفع"),
        *("henüz ödemedim", "daha ödemedim", "ödeyeceğim", "odeme yapmadim", "ödendi mi"),
        *("ainda não paguei", "nao fiz o pix", "vou pagar", "não transferi", "quando pago?"),
        *("je n'ai pas encore payé", "pas encore payé", "je vais payer", "je n'ai pas fait le virement", "pas payé"),
        *("chưa chuyển", "mình chưa ck", "để mình chuyển", "chua thanh toan", "đã chuyển chưa?"),
        *("अभी नहीं किया", "पेमेंट नहीं किया", "payment nahi kiya", "abhi karta hu payment", "हो गया क्या?"),
    ],
)
def test_who_has_not_paid_is_not_thanked_for_it(text: str) -> None:
    """Denied, asked, announced or quoted: no claim."""
    assert "paid-claim" not in _COMPLETE.winners(text, some_facts(an_order(status=OrderStatus.UNPAID), now_ms=NOON_MS))


@_EACH_LANGUAGE
def test_what_customers_write_is_answered_by_the_rule_that_is_meant(code: str) -> None:
    """Texts that the packs were not written from: claims, questions, and much that nobody shall answer."""
    rows = [line.split("\t") for line in _HEARD.read_text("utf-8").splitlines() if line.startswith(code)]
    assert len(rows) >= 20
    for _, status, rule, text in rows:
        facts = some_facts(an_order(status=OrderStatus(status)), now_ms=NOON_MS)
        assert _COMPLETE.winners(text, facts) == ([] if rule == "none" else [rule]), text


@_EACH_PACK
def test_no_purchase_is_ever_answered(pack: Pack) -> None:
    """We buy: what a sale's rules would say would be wrong. The same when the side is not known."""
    for rule in specs(pack):
        for side in (Side.BUY, None):
            for status in OrderStatus:
                facts = some_facts(an_order(side=side, status=status), now_ms=NIGHT_MS)
                assert [text for text in rule.examples or () if _COMPLETE.winners(text, facts)] == []


@pytest.mark.parametrize("event", list(EventKind))
def test_no_event_of_a_purchase_is_answered(event: EventKind) -> None:
    """Nor of an order whose side is not known."""
    for side in (Side.BUY, None):
        assert _COMPLETE.winners(event, some_facts(an_order(side=side), now_ms=NIGHT_MS)) == []


@_EACH_PACK
def test_every_text_is_short_with_the_longest_values(pack: Pack) -> None:
    """Far below what the chat takes."""
    ruleset = load_rules(dict(rule_texts([pack], CODES))).ruleset
    assert ruleset is not None
    longest = {rule.id: max(lengths(text)[1] for text in rule.reply.texts()) for rule in ruleset.rules if rule.reply}
    assert max(longest.values()) <= _SHORT < MAX_BUBBLE, longest


@_EACH_PACK
def test_no_text_holds_what_the_market_rejects_or_what_nobody_promised(pack: Pack) -> None:
    """No number, link or handle; no payment confirmed, no release announced, no time named."""
    for rule in specs(pack):
        for text in texts(rule).values():
            plain = re.sub(r"\{\{.*?\}\}", "", text)
            assert not re.search(r"[\d@]|https?|www\.", plain), plain
            assert not _PROMISE.search(plain), plain
            assert not re.search(r"\bminut|минут|分钟|دقيق|dakika|phút|मिनट", plain, re.IGNORECASE), plain


@_EACH_PACK
def test_every_variable_is_the_order_number(pack: Pack) -> None:
    """Which is always known, so no text is ever left unsaid; money facts and names are the merchant's to add."""
    used = {
        name for rule in specs(pack) for text in texts(rule).values() for name in re.findall(r"\{\{(.*?)\}\}", text)
    }
    assert used <= {" order.number "}


@_EACH_LANGUAGE
def test_what_people_write_tells_the_language_of_the_answer(code: str) -> None:
    """Nine in ten of the examples; what several languages share falls to the first text, never to a wrong language."""
    written = [text for pack in PACKS for rule in specs(pack, [code]) for text in rule.examples or ()]
    guesses = [guess_language(text) for text in written]
    assert guesses.count(code) >= 0.85 * len(written)
    assert len([guess for guess in guesses if guess not in {code, None}]) <= 1


@_EACH_LANGUAGE
def test_every_text_is_in_its_language(code: str) -> None:
    """As far as p2pbot itself can tell."""
    said = [texts(rule)[code] for pack in PACKS for rule in specs(pack)]
    assert [text for text in said if guess_language(text) != code] == []
    if code in {"ru", "zh", "ar", "hi"}:
        assert not re.search("[A-Za-z]", re.sub(r"\{\{.*?\}\}", "", " ".join(said)))


def bank_example() -> str:
    """Return the rule that stands as a comment in the pack how-to-pay, as a file."""
    pack = next(pack for pack in PACKS if pack.name == "how-to-pay")
    lines = [line.removeprefix("  # ") for line in pack.text.splitlines() if line.startswith("  # ")]
    rule = lines[next(at for at, line in enumerate(lines) if line.startswith("- id: bank-data")) :]
    return "".join(f"  {line}\n" for line in rule)


def test_the_example_with_bank_data_works_as_it_stands() -> None:
    """In a bubble of its own, and beside all packs without a finding."""
    files = {name: text for name, text in files_of().items() if not name.startswith("tests/")}
    name = next(name for name in files if "how-to-pay" in name)
    loaded = load_rules(files | {name: files[name] + bank_example()})
    assert [finding.headline for finding in loaded.findings] == []
    assert loaded.ruleset is not None
    rule = next(rule for rule in loaded.ruleset.rules if rule.id == "bank-data")
    assert rule.reply is not None
    assert [text.source for text in rule.reply.texts()][-1] == "{{ payment.iban }}"


def test_the_example_with_bank_data_is_refused_in_other_orders() -> None:
    """Lint P033."""
    text = "version: 1\nrules:\n" + re.sub(r"    when: .*\n", "", bank_example())
    assert "P033" in [finding.code for finding in load_rules({"a.yaml": text}).findings]


@pytest.mark.parametrize(
    "text",
    [
        "thanks, doing it now",
        "ok",
        "спасибо",
        "好的",
        "👍",
        "1234",
        "",
        "gracias",
        "tamam",
        "xong chưa",
        "ठीक है",
        "bom",
    ],
)
def test_small_talk_is_left_alone(text: str) -> None:
    """A bot that answers everything is a nuisance."""
    assert _COMPLETE.ask(text, some_facts(now_ms=NOON_MS)).reason is Reason.NO_RULE
