"""A YAML text as positioned values."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from p2pbot.document import Finding, Severity, complaint, load_document


class Strict(BaseModel):
    """A model as the document's callers write it."""

    model_config = ConfigDict(extra="forbid")


class Text(Strict):
    """One branch of a union."""

    caption: str


class Picture(Strict):
    """The other branch."""

    image: str
    width: int


class Account(Strict):
    """Has a key that looks secret, and one that is refused with a sentence."""

    EXPLAINED_KEYS: ClassVar[dict[str, str]] = {"api_secret": "a plain secret is refused here, use api_secret_file"}
    api_key: Literal["a", "b"] = "a"
    name: str = ""


class Page(Strict):
    """A document."""

    reply: str | list[Text | Picture] = ""
    on: Literal["message", "image"] = "message"
    open_at: str = ""
    amount: Decimal = Decimal(0)
    count: int = 0
    loud: bool = False
    counts: dict[str, int] = {}
    accounts: list[Account] = []
    word: str = ""

    @field_validator("word")
    @classmethod
    def _folded(cls, word: str) -> str:
        if word == "!!!":
            raise complaint("this word cannot match", hint="it has no letters", code="P011")
        return word


def findings(text: str) -> list[str]:
    """Return the headlines of what is wrong."""
    return [finding.headline for finding in load_document(text, "a.yaml", Page).findings]


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("reply: no", "reply", "no"),
        ("reply: 007", "reply", "007"),
        ("reply: 'null'", "reply", "null"),
        ("on: image", "on", "image"),
        ("open_at: 12:30", "open_at", "12:30"),
        ("open_at: 2026-01-05", "open_at", "2026-01-05"),
        ("amount: 0.10", "amount", Decimal("0.10")),
        ("count: 010", "count", 10),
        ("loud: yes", "loud", True),
        ("loud: off", "loud", False),
        ("counts: {on: 1, no: 2}", "counts", {"on": 1, "no": 2}),
        ("\ufeffreply: 你好", "reply", "你好"),
    ],
)
def test_the_schema_types_scalars_and_yaml_does_not(text: str, attribute: str, value: object) -> None:
    """``reply: no`` is the text "no", ``12:30`` stays and ``on:`` is a key."""
    loaded = load_document(text, "a.yaml", Page)
    assert loaded.findings == ()
    assert getattr(loaded.value, attribute) == value


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("repli: x", "a.yaml:1:1: unknown key `repli`; did you mean `reply`? [P001]"),
        (
            "loud: yes\nzzz: 1",
            (
                "a.yaml:2:1: unknown key `zzz`; known here: accounts, amount, count, counts, loud, on, "
                "open_at, reply, word [P001]"
            ),
        ),
        ("on: mesage", "a.yaml:1:5: expected one of message, image, found `mesage`; did you mean `message`? [P001]"),
        ("loud: yes\nloud: no", "a.yaml:2:1: the key `loud` stands here twice, first in line 1 [P002]"),
        ("counts: {a: 1, a: 2}", "a.yaml:1:16: the key `a` stands here twice, first in line 1 [P002]"),
        ("counts: {a: x}", "a.yaml:1:13: expected a whole number, found `x`"),
        ("amount: 1,5", "a.yaml:1:9: expected a number, found `1,5`"),
        ("loud: maybe", "a.yaml:1:7: expected yes or no, found `maybe`"),
        ("reply:", "a.yaml:1:7: expected a text or a list, found nothing; write the text, or remove the key"),
        (
            "reply: {a: b}",
            (
                "a.yaml:1:8: expected a text or a list, found keys with values; "
                "a text that starts with { or holds ': ' needs quotes"
            ),
        ),
        ("word: '!!!'", "a.yaml:1:7: this word cannot match; it has no letters [P011]"),
        (
            "[1, 2]",
            (
                "a.yaml:1:1: expected keys with values, found a list; "
                "write keys below it: accounts, amount, count, counts, loud, on, open_at, reply …"
            ),
        ),
        ("", "a.yaml:1:1: the file is empty"),
        ("loud: no\n---\nloud: yes", "a.yaml:2:1: a second document starts here; remove the line ---"),
        ("accounts: [{api_secret: x}]", "a.yaml:1:13: a plain secret is refused here, use api_secret_file [P001]"),
        ("word: 付款付款 \t", ""),
    ],
)
def test_each_fault_has_its_place_and_a_plain_sentence(text: str, headline: str) -> None:
    """A fault is one line: place, what is wrong, what to do."""
    assert findings(text) == ([headline] if headline else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reply: {{ x }}", "1:8: a text that starts with { needs quotes around the whole of it"),
        ("reply: [a, b", "1:8: the [ that opens here is not closed; write ] at its end"),
        ("reply: *thanks", '1:8: a text that starts with * needs quotes; write "*thanks"'),
        ("reply: &thanks x", '1:8: a text that starts with & needs quotes; write "&thanks"'),
        ("reply: !thanks x", '1:8: a text that starts with ! needs quotes; write "!thanks"'),
        ("reply: %5 off", '1:8: a text cannot begin with %; put the whole text in quotes: "%5 off"'),
        ("reply: @you", '1:8: a text cannot begin with @; put the whole text in quotes: "@you"'),
        ("reply: > 5 dollars", '1:8: a text cannot begin with >; put the whole text in quotes: "> 5 dollars"'),
        ("reply: note: pay", "1:12: a text that holds ': ' needs quotes around the whole of it"),
        ("counts:\n\ta: 1", "2:1: a tab stands here; indent with spaces, not with tabs"),
        ("word: y\nreply\nloud: no", "2:1: this line is no `key: value`; is the colon behind `reply` missing?"),
        (
            "counts:\n  - a: 1\n   b: 2",
            "3:4: this line begins in a column where no other does; lines that belong",
        ),
        ("reply: “note: pay”", "a text that holds ': ' needs quotes; YAML knows the straight quotes"),
        ("word: y\n  reply: x", "2:3: this line is indented more than the one above it"),
        ("counts:\n  -a\n  b: 2", "the line above begins with - and no blank; put a blank behind the -"),
        ("word: y\nreply:x\nloud: no", "2:1: this line is no `key: value`; put a blank behind the colon"),
        ("word: y\nreply： x\nloud: no", "write the colon as : with a blank behind it"),
        ("word: y\nreply: >1000", '2:8: a text cannot begin with >; put the whole text in quotes: ">1000"'),
        ("word: y\nreply: 'a", "2:8: the quote ' that opens here is not closed"),
        ('word: y\nreply: "a "b" c"', '2:12: the text in " ended before this; write \\" for a quote inside'),
        ("word: y\nreply: 'don't'", "the text in ' ended before this; write '' for an apostrophe inside the text"),
        ("word: y\nreply: {a: b} c", "2:15: nothing may stand behind the }; a text that starts with { needs quotes"),
        ("reply: [a: 1 b: 2]", "1:15: a comma or ] is missing before this"),
        (r'word: "\d+"', r"in double quotes a \ changes what stands behind it; put a pattern in single quotes"),
        ('word: "y\nreply: "x"\n', '1:7: the quote " that opens here is not closed; put the same quote at the end'),
        (
            "accounts:\n    a: 1\n  - b: 2",
            "2:5: an entry of a list begins with a - and a blank; write them before this",
        ),
        ("word:\n- a\n-b\n", "3:1: this line is no `key: value`; put a blank behind the -"),
        ("{word:x}", "1:2: unknown key `word:x`; write `word: x`"),
        ("{word=x}", "1:2: unknown key `word=x`; write `word: x`"),
        ("word: - x", "a list cannot begin behind its key in the same line"),
        ("word: ? x", '1:7: a text cannot begin with ?; put the whole text in quotes: "? x"'),
        ("accounts:\n  - a: 1\n - b: 2", "3:2: this - stands in another column than those above"),
        ("reply: order #5", "1:13: warning: the text is cut at ' #', the rest is a comment; put the text in quotes"),
        ("reply: pay now # quickly", "1:15: warning: the text is cut at ' #'"),
    ],
)
def test_where_yaml_is_the_trap_the_hint_says_so(text: str, expected: str) -> None:
    """The classic accidents of hand-written YAML are named."""
    (only,) = findings(text)
    assert expected in only


@pytest.mark.parametrize("text", ["loud: yes # really", "word: pay  # a comment", "reply: a long text  # noted"])
def test_a_comment_is_not_taken_for_a_cut_text(text: str) -> None:
    """A comment behind one word, or behind two blanks, is a comment."""
    assert findings(text) == []


def test_all_faults_are_reported_at_once_in_order_of_place() -> None:
    """One look at the list is enough to mend the whole file."""
    text = "count: x\nrepli: y\nloud: maybe\namount: z\non: mesage\n"
    assert [finding.position.line for finding in load_document(text, "a.yaml", Page).findings] == [1, 2, 3, 4, 5]


def test_of_a_union_only_the_meant_branch_is_judged() -> None:
    """A picture with a wrong width is not also told that it is no text."""
    text = "reply:\n  - {image: a.png, widht: 5}\n"
    assert findings(text) == ["a.yaml:2:20: unknown key `widht`; did you mean `width`? [P001]"]


def test_a_file_with_an_error_has_no_value() -> None:
    """There is no half-loaded file."""
    assert load_document("count: x", "a.yaml", Page).value is None


def test_a_warning_leaves_the_value() -> None:
    """A warned-of file is used."""
    loaded = load_document("reply: order #5", "a.yaml", Page)
    assert loaded.value is not None
    assert [finding.severity for finding in loaded.findings] == [Severity.WARNING]


def test_the_column_counts_characters_and_the_caret_stands_under_the_fault() -> None:
    """A Chinese character is one column and two cells of the terminal."""
    (only,) = load_document("counts: {付款: x}", "a.yaml", Page).findings
    assert only.position.column == 14
    assert only.render().splitlines()[1:] == ["    counts: {付款: x}", "    " + " " * 15 + "^"]


@pytest.mark.parametrize(
    "text",
    [
        "accounts: [{api_key: HUNTER2}]",
        "accounts:\n  - api_key: HUNTER2\n    nam: x",
        "accounts:\n  - api_key: [HUNTER2]",
        "accounts:\n  - {nam: x, api_key: HUNTER2}",
        "password: HUNTER2",
        '"password":"HUNTER2"',
        "token: |\n  a\n HUNTER2: {\n",
        "tokens:\n- HUNTER2: [\n",
        "secret: {HUNTER2",
        "secret: *HUNTER2",
        "accounts: [{api_key:HUNTER2}]",
        "{api_key=HUNTER2: 1}",
        "secret: @HUNTER2",
        "secret: >HUNTER2",
        "tokens: |\n  x\nHUNTER2\na: b",
        "secret: x\n  HUNTER2\n b: c",
        "reply: x\n-----BEGIN HUNTER2-----",
    ],
)
def test_the_value_of_a_key_that_looks_secret_is_never_shown(text: str) -> None:
    """Neither the sentence nor the snippet repeats it."""
    loaded = load_document(text, "a.yaml", Page)
    assert loaded.findings
    for finding in loaded.findings:
        assert "HUNTER2" not in finding.render()
        assert "HUNTER2" not in str(finding.to_json())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 200_000, "nested deeper than 24 levels"),
        ("a: {" * 50_000, "nested deeper than 24 levels"),
        ("- a\n" * 60_000, "more than 50000 values"),
        ("x" * 300_000, "the file has 300000 bytes, more than 262144"),
        ("reply: \ud800", "not a valid character"),
        ("reply: \x07", "a character that YAML does not allow"),
    ],
)
def test_a_hostile_file_is_one_finding(text: str, expected: str) -> None:
    """Size, depth and number of values are bounded before anything is built."""
    (only,) = findings(text)
    assert expected in only


def test_no_more_findings_than_anybody_reads() -> None:
    """A file full of faults is reported up to a bound."""
    text = "".join(f"key{number}: x\n" for number in range(5000))
    reported = load_document(text, "a.yaml", Page).findings
    assert len(reported) == 101
    assert "more findings" in reported[-1].message


def test_positions_are_asked_by_path() -> None:
    """Later checks find the place of a value, of its key, of a part of its text, and of the nearest ancestor."""
    loaded = load_document("counts:\n  a: 1\nreply: 'hi {{ nmae }}'\n", "a.yaml", Page)
    assert str(loaded.position(("counts", "a"))) == "a.yaml:2:6"
    assert str(loaded.key_position(("counts", "a"))) == "a.yaml:2:3"
    assert str(loaded.position(("counts", "b", 3))) == "a.yaml:2:3"
    assert str(loaded.find(("reply",), "nmae")) == "a.yaml:3:15"
    assert str(loaded.find(("reply",), "absent")) == "a.yaml:3:8"
    assert loaded.finding(loaded.position(("reply",)), "m").snippet_line == "reply: 'hi {{ nmae }}'"


def test_a_finding_is_plain_json_data() -> None:
    """Editors and scripts read findings."""
    (only,) = load_document("on: mesage", "a.yaml", Page).findings
    assert isinstance(only, Finding)
    assert only.to_json() == {
        "file": "a.yaml",
        "line": 1,
        "column": 5,
        "severity": "error",
        "code": "P001",
        "message": "expected one of message, image, found `mesage`",
        "hint": "did you mean `message`?",
    }


_YAML_BITS = st.sampled_from(
    [
        "reply",
        "on",
        ": ",
        "- ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        "&a",
        "*a",
        "!t",
        "'",
        '"',
        "|",
        ">",
        "#",
        "?",
        "---",
        "\t",
        "é",
        "付",
        "😀",
        "\x85",
        "\r\n",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(_YAML_BITS, max_size=60).map("".join)))
def test_any_text_gives_a_value_or_findings(text: str) -> None:
    """No text raises, and every finding lies within the file."""
    loaded = load_document(text, "a.yaml", Page)
    assert loaded.findings or loaded.value is not None
    for finding in loaded.findings:
        assert finding.position.line >= 1
        assert finding.position.column >= 1
        assert finding.render().startswith("a.yaml:")
