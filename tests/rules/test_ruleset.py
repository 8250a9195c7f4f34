"""Rule files to a rule set: all or nothing, with every fault of every file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from p2pbot.rules.ruleset import MAX_FILES, load_rules
from p2pbot.rules.spec import RuleSpec
from tests.fakes.occasions import headlines, rules

_GOOD = "  - {id: a, words: hi, reply: Hello}"


@pytest.mark.parametrize(
    ("rule", "headline"),
    [
        ("{id: a, word: hi, reply: x}", "a.yaml:3:13: unknown key `word`; did you mean `words`? [P001]"),
        ("{id: a, words: hi, when: {sid: sell}, reply: x}", "3:31: unknown key `sid`; did you mean `side`? [P001]"),
        (
            "{id: a, words: hi, when: {side: sel}, reply: x}",
            "3:37: expected one of buy, sell, found `sel`; did you mean `sell`?",
        ),
        ("{id: a, on: mesage, reply: x}", "`mesage` is none of the 14 words here; did you mean `message`? [P001]"),
        ("{id: a, on: silence, reply: x}", "3:13: how long must it be silent?; write `for: 5m`"),
        ("{id: a, words: hi, typos: 2, reply: x}", "3:31: expected one of 0, 1, found `2`"),
        ("{id: a, words: hi, when: {hours: open}, reply: x}", "3:38: there is no window of hours `open`"),
        (
            "{id: a, words: hi, reply: {image: a.png, text_any: [x]}}",
            "3:32: a picture is a part of its own",
        ),
        ("{id: a, words: hi, reply: {xx: hallo}}", "3:32: `xx` is not a language code"),
        ("{words: hi, reply: x}", "the key `id` is missing; give the rule a name of its own"),
        ("{id: a, words: hi, when: {side:sell}, reply: x}", "unknown key `side:sell`; write `side: sell`"),
        ("{id: a, words: (hi|hello), reply: x}", "only letters and digits count here; write a list"),
        ("{id: a, words: hi, reply: 'Dear %name%'}", "`%name%` is said as it is written; write {{ name }}"),
        ("{id: a, words: hi, reply: 'Pay $amount'}", "`$amount` is said as it is written"),
        ("{id: a, words: , reply: x}", "3:20: nothing stands behind this key; write a value, or remove the key"),
        ("{id: a, words: hi, when: , reply: x}", "nothing stands behind this key"),
        ("{id: a, words: hi, side: sell, reply: x}", "`side` is a condition; write `when: {side: …}`"),
        ("{id: a, words: hi, when: {words: x}, reply: x}", "`words` stands beside `when`, not in it"),
        ("{id: a, keywords: hi, reply: x}", "`keywords` is called `words` here"),
        ("{id: a, words: hi, when: sell, reply: x}", "expected keys with values, found `sell`; write keys below it: a"),
        ("{id: a, words: hi, when: {hours: '9:00-18:00'}, reply: x}", "`9:00-18:00` needs a name and a time zone"),
        ("{id: a, words: hi, when: {amount: '>1,000'}, reply: x}", "500-2000 or 900, without commas"),
        ("{id: a, words: hi, limit: 3, reply: x}", "`3` is not a limit; write {once_per: order}, {every: 10m"),
        ("{id: a, words: hi, limit: {evry: 1m}, reply: x}", "unknown key `evry`; did you mean `every`?"),
        ("{id: a, words: hi, limit: {at_mst: 1}, reply: x}", "unknown key `at_mst`; did you mean `at_most`?"),
        ("{id: a, words: hi, limit: {every: 1m, at_most: 1}, reply: x}", "`every` and `at_most` are two limits"),
        ("{id: a, words: hi, limit: {at_most: 0}, reply: x}", "it must be 1 or more"),
        ("{id: a, words: hi, reply: {text_eny: [x]}}", "unknown key `text_eny`; did you mean `text_any`?"),
        ("{id: a, words: hi, reply: [{snipet: x}]}", "unknown key `snipet`; did you mean `snippet`?"),
        ("{id: a, words: hi, reply: {russian: x}}", "`russian` is not a language code; did you mean `ru`?"),
        ("{id: a, words: hi, reply: [{Press: now}]}", "if it is no language, a text that holds ': ' needs quotes"),
        ("{id: a, words: hi, delay: {typng: 12cps}, reply: x}", "3:32: unknown key `typng`; did you mean `typing`?"),
        ("{id: a, words: hi, handover: maybe}", "`maybe` is neither yes nor a time; write yes, 2h or"),
        ("{id: a, words: hi, reply: '{{ name }}'}", "unknown variable `name`; names have two parts: order.number"),
        ("{id: a, words: hi, delay: 10}", "`10` is not a time; write 3s, 2s..4s or 1m"),
        ("{id: a, words: hi, delay: 1h, reply: x}", "`1h` is too long; at most 10m"),
        ("{id: a, words: hi, delay: {typing: fast}, reply: x}", "`fast` is not a speed; write 12cps"),
        ("{id: a, words: hi, for: 5m, reply: x}", "3:24: `for` is for `on: silence`"),
        ("{id: a, words: hi, before: 5m, reply: x}", "3:24: `before` is for `on: payment_expiring`"),
        ("{id: a, words: hi, stop: yes, continue: yes}", "3:24: `stop` and `continue` cannot go together"),
        ("{id: a, on: image, any: [{words: hi}], reply: x}", "3:24: `any` looks at a text, and `on: image` has none"),
        ("{id: a, any: [{}], reply: x}", "the block is empty"),
        ("{id: a, any: [{word: hi}], reply: x}", "3:20: unknown key `word`; did you mean `words`? [P001]"),
        ("{id: a, when: {weekday: sat}, reply: x}", "3:20: in which time zone?; write `zone: Europe/Istanbul`"),
        ("{id: a, when: {zone: UTC}, reply: x}", "`zone` is for `weekday`"),
        ("{id: a, when: {weekday: sat, zone: Europe/Mosco}, reply: x}", "did you mean `Europe/Moscow`?"),
        ("{id: a, when: {after_rule: b}, reply: x}", "3:32: there is no rule `b`"),
        ("{id: a, on: appeal_opened, reply: x}", "never replies in `on: appeal_opened`"),
        ("{id: a, on: operator_message, reply: x}", "never replies in `on: operator_message`"),
        ("{id: a, on: [appeal_closed, message], notify: x}", "cannot share a rule with events that are answered"),
        ("{id: a, words: hi, unmute: yes}", "`unmute` can never be reached here"),
        ("{id: a, on: image, debounce: 2s, reply: x}", "`debounce` is for `on: message` alone"),
        ("{id: a, words: hi, debounce: 1m, reply: x}", "`1m` is too long; at most 30s"),
        ("{id: a, words: [], reply: x}", "3:20: the list is empty"),
        ("{id: a, words: hi, limit: {once: order}, reply: x}", "unknown key `once`; did you mean `once_per`? [P001]"),
        ("{id: 'a b', words: hi, reply: x}", "3:10: `a b` is not a name; write a-b (no blanks"),
        ("{words: hi, reply: x}", "3:5: the key `id` is missing"),
        ("{id: a, words: hi}", "3:5: the rule does nothing; give it a reply, notify or handover"),
        ("{id: a, words: '👍', reply: x}", "3:20: `👍` can never match; nothing is left of it after folding"),
        (
            "{id: a, words: 'p*d', reply: x}",
            "`p*d` can never match; * may stand at the start or the end of a word only",
        ),
        ("{id: a, regex: '(a+)+$', reply: x}", "3:20: this pattern takes too long on a text of 400 characters"),
        (r"{id: a, regex: '\d{16}', reply: x}", "warning: this pattern must be tried on every message"),
        ("{id: a, regex: '(x', reply: x}", "3:20: this pattern cannot be used; it is not a regular expression"),
        (
            "{id: a, on: order_paid, words: hi, reply: x}",
            "3:29: `words` looks at a text, and `on: order_paid`",
        ),
        (
            "{id: a, words: hi, reply: '{{ order.totl }}'}",
            "3:35: unknown variable `order.totl`; did you mean `order.total`? [P021]",
        ),
        (
            "{id: a, words: hi, reply: {en: x, ru: '{{ order.total|mony }}'}}",
            "unknown filter `mony`; did you mean `money`? [P021]",
        ),
        (
            "{id: a, on: order_paid, reply: '{{ message.text }}'}",
            "`message.text` is not known in `on: order_paid`, which has no text [P022]",
        ),
        (
            "{id: a, words: hi, notify: '{{ counterparty.first_name }}'}",
            "`counterparty.first_name` must not leave the chat",
        ),
        ("{id: a, words: hi, reply: ''}", "3:31: the text is empty"),
        (
            "{id: a, words: hi, reply: x, examples: [hello]}",
            "this text; words: wanted hi, is none of them",
        ),
        ("{id: a, words: hi, reply: x, not_examples: ['well, hi!']}", "3:49: the rule `a` matches this text"),
        (
            "{id: a, words: hi, reply: '{{ payment.iban }}'}",
            "3:35: `payment.iban` is bank data: it is for orders that we sell",
        ),
        (
            "{id: a, words: hi, reply: {en: 'Order {{ order.number }}', ru: Ордер}}",
            "warning: the text in `en` uses `order.number`, the one in `ru` does not [P024]",
        ),
        ("{id: a, words: hi, when: {amount: '" + "9-" * 50 + "'}, reply: x}", "this text is too long here"),
        (
            "{id: a, words: hi, reply: 'see https://x.io'}",
            "3:36: warning: `https://` looks like a phone number, a handle or a link",
        ),
        ("{id: a, words: hi, reply: 'call +7 999 123-45-67'}", "warning: `+7 999 123-45-67` looks like a phone number"),
        ("{id: a, words: hi, reply: 'ask @support_x'}", "warning: `@support_x` looks like a phone number"),
    ],
)
def test_a_fault_has_its_place_and_remedy(rule: str, headline: str) -> None:
    """Each is one line that a merchant understands."""
    found = headlines(f"  - {rule}")
    assert any(headline in line for line in found), found


@pytest.mark.parametrize(
    "rule",
    [
        "{id: a, words: hi, when: {side: sell, order_status: unpaid}, reply: '{{ payment.iban }}'}",
        "{id: a, words: hi, reply: 'Order {{ order.number }} of 2026-01-05, 1 000 000.00 EUR'}",
        "{id: a, words: hi, reply: 'pay 20:15, version 1.2.3, e-mail is not used'}",
        "{id: a, on: [message, image], reply: x}",
        "{id: a, words: no, reply: no}",
    ],
)
def test_what_is_right_has_no_findings(rule: str) -> None:
    """No lint cries wolf."""
    assert headlines(f"  - {rule}") == []


def test_all_faults_of_all_files_are_reported_at_once() -> None:
    """A rule that is sound in shape is looked at although its neighbour is not."""
    found = headlines(
        "  - {id: a, word: hi}\n  - {id: b, words: '!', reply: '{{ x }}'}",
        "  - {id: c, words: hi}\n  - {id: b, reply: x}",
    )
    places = [line.split(": ")[0] for line in found]
    assert places == ["a.yaml:3:13", "a.yaml:4:20", "a.yaml:4:36", "b.yaml:3:5", "b.yaml:4:10"]


def test_an_id_is_used_once_in_all_files() -> None:
    """It is the identity for limits and statistics."""
    assert headlines(_GOOD, _GOOD) == [
        "b.yaml:3:10: the id `a` is taken by the rule at a.yaml:3:10; give each rule its own [P003]"
    ]


def test_half_a_set_never_runs() -> None:
    """One error keeps every rule of every file from being used."""
    loaded = load_rules({"a.yaml": f"version: 1\nrules:\n{_GOOD}", "b.yaml": "version: 1\nrules: x"})
    assert loaded.ruleset is None


def test_a_warning_keeps_no_rule_from_being_used() -> None:
    """It is told, and the set runs."""
    loaded = load_rules({"a.yaml": "version: 1\nrules:\n  - {id: a, words: hi, reply: 'see www.x'}"})
    assert loaded.ruleset is not None
    assert [finding.code for finding in loaded.findings] == ["P034"]


@pytest.mark.parametrize(
    "text",
    [
        "  - {id: a, words: hi, reply: 'see www.x'} # p2pbot: ignore P034",
        "  # p2pbot: ignore P020, P034\n  - {id: a, words: hi, reply: 'see www.x'}",
    ],
)
def test_a_warning_can_be_waived_beside_it(text: str) -> None:
    """On the line or on the line above."""
    assert headlines(text) == []


def test_an_error_cannot_be_waived() -> None:
    """Only warnings are a matter of taste."""
    assert len(headlines("  - {id: a, words: '!', reply: x} # p2pbot: ignore P011")) == 1


def test_a_text_over_the_chats_limit_is_found_before_it_is_sent() -> None:
    """Where it can be known."""
    assert headlines("  - {id: a, words: hi, reply: '" + "x" * 1000 + "'}") == []
    (only,) = headlines("  - {id: a, words: hi, reply: '" + "x" * 1001 + "'}")
    assert "the text has at least 1001 characters; the chat takes 1000" in only


def test_a_text_that_may_become_too_long_is_warned_of() -> None:
    """With plausible long values."""
    (only,) = headlines("  - {id: a, words: hi, reply: '" + "x" * 990 + "{{ order.number }}'}")
    assert "may come to 1010 characters and would be split" in only


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no rule file"),
        ({f"{at}.yaml": "" for at in range(MAX_FILES + 1)}, "more than 200"),
        ({"a.yaml": "version: 2\nrules: []"}, "expected 1, found `2`"),
        ({"a.yaml": "rules: []"}, "the key `version` is missing; write `version: 1` at the top of the file"),
        ({"a.yaml": "version: 1\nrules: []\ndefault_language: default"}, "which language is it?; write en, ru, zh …"),
    ],
)
def test_a_set_that_is_none_says_why(files: dict[str, str], message: str) -> None:
    """Before any rule is looked at."""
    loaded = load_rules(files)
    assert loaded.ruleset is None
    assert message in loaded.findings[0].headline


def test_the_hash_names_the_content() -> None:
    """The same files have the same hash; any change, even of a name, another."""
    first, again = rules(_GOOD).ruleset.hash, rules(_GOOD).ruleset.hash
    assert first == again
    assert (
        len({first, rules(_GOOD + " ").ruleset.hash, rules(_GOOD, _GOOD.replace("id: a", "id: b")).ruleset.hash}) == 3
    )


_DATA = st.recursive(
    st.none() | st.sampled_from(["", "a", "hi", "yes", "2h", "sell", "<5", "order", "message", "en"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["en", "text_any", "image", "for", "once_per", "side", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_KEYS = sorted((field.alias or name) for name, field in RuleSpec.model_fields.items())


@given(st.dictionaries(st.sampled_from(_KEYS), _DATA, max_size=5))
def test_any_data_is_a_rule_or_an_error_of_validation(data: dict[str, Any]) -> None:
    """No validator trips over a shape that it did not expect."""
    try:
        RuleSpec.model_validate({"id": "a"} | data)
    except ValidationError:
        return


def test_a_rule_with_one_fault_is_looked_at_whole() -> None:
    """All of its faults at once, and none that follows from leaving the wrong keys out."""
    found = headlines(
        "  - id: a\n    wrds: hi\n    regex: [[x]]\n    words: 'a, b'\n    when: {side: sel}\n    limit: 3\n"
        '    reply: "{{ order.numbr }} {{ match.sum }} {{ payment.iban }}"\n'
    )
    assert [line.split(": ")[1 + line.count("warning: ")].split("`")[1][:10] for line in found if "`" in line] == [
        "wrds",
        "a, b",
        "sel",
        "3",
        "order.numb",
    ]
