"""Lists, snippets, windows and rule ids by name, from whatever file."""

from __future__ import annotations

import pytest

from p2pbot.model import Counterparty
from tests.fakes.occasions import an_order, headlines, rules, some_facts

SHARED = """version: 1
lists:
  paid: [paid, "transfer* done"]
  vips: [ann, bob]
snippets:
  wait: One moment please.
  bye: {en: Goodbye, ru: До свидания}
  any: {text_any: [One, Two]}
"""


def test_a_list_stands_among_words() -> None:
    """Its items are words like those beside it, from another file."""
    asked = rules("  - {id: a, words: [{list: paid}, sent], reply: Hello}", SHARED)
    for text in ("I paid", "transferred? done! transfer done", "it is sent"):
        assert asked.winners(text) == ["a"], text
    assert asked.winners("vips") == []


def test_a_list_stands_in_a_condition() -> None:
    """For nicknames, and wherever texts are compared."""
    asked = rules("  - {id: a, words: hi, when: {counterparty: {nickname: {list: vips}}}, reply: Hello}", SHARED)
    assert asked.winners("hi", some_facts(an_order(counterparty=Counterparty(nickname="Bob")))) == ["a"]
    assert asked.winners("hi", some_facts(an_order(counterparty=Counterparty(nickname="eve")))) == []


@pytest.mark.parametrize(
    ("reply", "language", "said"),
    [
        ("{snippet: wait}", None, ("One moment please.",)),
        ("[Hello, {snippet: wait}]", None, ("Hello", "One moment please.")),
        ("{snippet: bye}", "ru", ("До свидания",)),
        ("{en: Hi, ru: [Привет, {snippet: bye}]}", "ru", ("Привет", "До свидания")),
        ("{en: {snippet: bye}, ru: {snippet: bye}}", "ru", ("До свидания",)),
        ("[{en: {snippet: bye}, ru: {snippet: bye}}]", "ru", ("До свидания",)),
        ("[Hello, {snippet: any}]", None, ("Hello", "Two")),
        ("[Hello, {en: Hi, ru: Привет}, {text_any: [One, Two]}]", "ru", ("Hello", "Привет", "Two")),
    ],
)
def test_a_snippet_stands_wherever_a_text_may(reply: str, language: str | None, said: tuple[str, ...]) -> None:
    """It is the text that it names, in the language of the talk."""
    asked = rules(f"  - {{id: a, words: hi, reply: {reply}}}", SHARED)
    (firing,) = asked.ask("hi", some_facts(language=language)).firings
    assert firing.bubbles == said


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{id: a, words: {list: payd}, reply: x}", "a.yaml:3:20: there is no list `payd`; did you mean `paid`? [P001]"),
        ("{id: a, words: hi, reply: {snippet: wiat}}", "3:31: there is no snippet `wiat`; did you mean `wait`? [P001]"),
        (
            "{id: a, words: hi, when: {fiat: {list: all}}, reply: x}",
            "3:37: there is no list `all`; known here: paid, vips",
        ),
        ("{id: a, words: {lst: paid}, reply: x}", "unknown key `lst`; did you mean `list`?"),
        ("{id: a, words: {list: paid, x: y}, reply: x}", "unknown key `x`"),
    ],
)
def test_an_unknown_name_is_an_error_at_its_place(rule: str, message: str) -> None:
    """With its nearest neighbour."""
    assert any(message in line for line in headlines(f"  - {rule}", SHARED)), headlines(f"  - {rule}", SHARED)


def test_a_name_that_may_be_in_a_broken_file_is_not_called_unknown() -> None:
    """The fault of one file brings no second one in another."""
    found = headlines("  - {id: a, words: {list: more}, reply: x}", "version: 1\nlists: {more: [hi], other: []}")
    assert len(found) == 1
    assert "the list is empty" in found[0]


def test_a_name_given_twice_is_an_error() -> None:
    """Nobody could tell which one is meant."""
    (only,) = headlines("  - {id: a, words: hi, reply: x}", SHARED, "version: 1\nlists: {vips: [eve]}")
    assert "c.yaml:2:9: the name `vips` is taken in `lists` at b.yaml:4:3" in only


def test_a_snippet_is_checked_like_a_text_of_the_rule() -> None:
    """A variable that does not exist is found where the snippet is used."""
    snippet = 'version: 1\nsnippets: {x: "{{ order.nmber }}"}'
    assert any(
        "a.yaml:3" in line and "nmber" in line
        for line in headlines("  - {id: a, words: hi, reply: {snippet: x}}", snippet)
    )


FOLLOWING = """
  - {id: ask, words: hi, reply: How?}
  - {id: then, words: bank, when: {after_rule: ask}, reply: IBAN}
"""


def test_after_rule_waits_until_that_rule_spoke_in_the_order() -> None:
    """Before it, the rule is silent."""
    asked = rules(FOLLOWING)
    assert asked.winners("bank") == []
    assert asked.winners("bank", some_facts(spoken=frozenset({"ask"}))) == ["then"]


def test_after_rule_knows_a_rule_whose_group_has_others() -> None:
    """What another rule of the group said does not count."""
    asked = rules(FOLLOWING + "  - {id: other, group: ask, words: yo, reply: Yo}")
    (mark, own) = asked.ask("hi").firings[0].marks
    assert (mark.group, own.group) == ("ask", "rule:ask")
    assert asked.winners("bank", some_facts(spoken=frozenset({"ask"}))) == []
    assert asked.winners("bank", some_facts(spoken=frozenset({"rule:ask"}))) == ["then"]
