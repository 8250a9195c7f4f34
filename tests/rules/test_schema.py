"""The JSON Schema for editors: the same as the models, and right in a real language server."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2pbot.cli.rules_schema import schema_text
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.schema import rule_schema
from tests.fakes.json_schema import fits
from tests.fakes.language_server import Editor, command

_ROOT = Path(__file__).parents[2]
_HEAD = "version: 1\nrules:\n  - id: a\n    reply: b\n    "
_FILES = sorted([*(_ROOT / "rules").rglob("*.yaml")])
_STARTER_TEXTS = {path.name: path.read_text("utf-8") for path in sorted((_ROOT / "rules").glob("*.yaml"))}


def tutorial() -> list[str]:
    """Return the whole rule files that the tutorial shows."""
    page = (_ROOT / "docs" / "rules.md").read_text("utf-8")
    return [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if block.startswith("version: 1")]


class _LikeAnEditor(yaml.CSafeLoader):
    """YAML 1.2's idea of scalars: no yes and no, no times, no dates."""


_LikeAnEditor.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _LikeAnEditor.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first])
_LikeAnEditor.yaml_implicit_resolvers[""] = [("tag:yaml.org,2002:null", re.compile("^$"))]


def as_an_editor_reads(text: str) -> Any:
    """Return a file's data."""
    return yaml.load(text, _LikeAnEditor)  # noqa: S506 - a safe loader with fewer types


def test_the_file_in_the_repository_is_the_models_own() -> None:
    """``p2pbot rules schema > rules.schema.json`` mends it."""
    assert (_ROOT / "rules.schema.json").read_text("utf-8") == schema_text()


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_the_starter_set_fits(path: Path) -> None:
    """Rules and tests."""
    assert fits(as_an_editor_reads(path.read_text("utf-8")), rule_schema())


def test_the_tutorial_fits() -> None:
    """Every whole file of it."""
    assert tutorial()
    assert [text for text in tutorial() if not fits(as_an_editor_reads(text), rule_schema())] == []


@pytest.mark.parametrize(
    "line",
    [
        "words: paid",
        "words: [paid, 12, yes]",
        "words: 12",
        "on: message",
        "on: [message]",
        "limit: {once_per: order}",
        "limit: [{every: 10m}, {at_most: 3, per: order}]",
        "handover: yes",
        "handover: 2h",
        "handover: {for: 2h, reason: x}",
        "when: {side: sell, amount: 500}",
        'when: {side: [sell, buy], amount: ["<5", ">9"], first_message: yes}',
        "delay: 2s..4s",
        "continue: yes",
        "continue: true",
        "notify: more than five letters",
        "words: a phrase of some length that is no list of phrases",
        "priority: 10",
        "mode: shadow",
        "when: {language: [ru, en]}",
    ],
)
def test_what_the_models_take_fits(line: str) -> None:
    """One or a list; a text that looks like something else."""
    text = _HEAD + line + "\n"
    assert load_rules({"a.yaml": text}).ruleset is not None
    assert fits(as_an_editor_reads(text), rule_schema())


@pytest.mark.parametrize(
    "line",
    [
        "word: paid",
        "words: []",
        "notify: [a, b, c, d, e, f]",
        "words: {a: b}",
        "on: mesage",
        "limit: {once_per: year}",
        "limit: {every: 10m, par: order}",
        "when: {side: sel}",
        "when: {sid: sell}",
        "priority: high",
        "mode: quiet",
        "continue: perhaps",
        "when: {language: russian}",
        "when: sell",
    ],
)
def test_what_the_models_refuse_does_not_fit(line: str) -> None:
    """So far as a schema can say."""
    text = _HEAD + line + "\n"
    assert load_rules({"a.yaml": text}).ruleset is None
    assert not fits(as_an_editor_reads(text), rule_schema())


@pytest.mark.parametrize("reply", ["{en: a, xx: b}", "{text_any: {a: b}}", "{en: {de: {fr: a}}}"])
def test_a_reply_has_a_shape(reply: str) -> None:
    """Languages that exist."""
    text = f"version: 1\nrules:\n  - id: a\n    reply: {reply}\n"
    assert load_rules({"a.yaml": text}).ruleset is None
    assert not fits(as_an_editor_reads(text), rule_schema())


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncIterator[Editor]:
    """A real language server in a folder with our schema."""
    if command() is None:
        pytest.skip("yaml-language-server is not here (make editor, or $P2PBOT_YAML_LANGUAGE_SERVER)")
    (tmp_path / "rules.schema.json").write_text(json.dumps(rule_schema()), "utf-8")
    editor = await Editor.start(tmp_path)
    yield editor
    await editor.close()


def written(text: str) -> str:
    """Return a file's text with the modeline that names the schema."""
    return f"# yaml-language-server: $schema=rules.schema.json\n{text}"


async def test_an_editor_underlines_nothing_in_the_starter_set(editor: Editor, tmp_path: Path) -> None:
    """With real files."""
    texts = {source.name: source.read_text("utf-8") for source in _FILES}
    for source in _FILES:
        found = await editor.open(tmp_path / source.name, written(texts[source.name]))
        assert found == [], source.name


async def test_an_editor_underlines_what_is_wrong(editor: Editor, tmp_path: Path) -> None:
    """An unknown key and a value that is none."""
    wrong = "version: 1\nrules:\n  - id: a\n    word: b\n    when: {side: sel}\n"
    found = await editor.open(tmp_path / "a.yaml", written(wrong))
    assert any("word" in message for message in found)
    assert any('"sell"' in message for message in found)


async def test_an_editor_completes_keys_and_values(editor: Editor, tmp_path: Path) -> None:
    """Of a rule, and of what a condition may be."""
    path = tmp_path / "a.yaml"
    await editor.open(path, written("version: 1\nrules:\n  - id: a\n    \n    when:\n      side: \n"))
    assert {"words", "reply", "limit"} <= await editor.completions(path, 4, 4)
    assert {"buy", "sell"} <= await editor.completions(path, 6, 12)


async def test_an_editor_completes_the_next_rule_of_a_starter_file(editor: Editor, tmp_path: Path) -> None:
    """Behind what is there already: keys, and conditions."""
    for name, text in _STARTER_TEXTS.items():
        longer = written(text.rstrip() + "\n  - id: mine\n    \n    when:\n      \n")
        last = len(longer.splitlines()) - 1
        await editor.open(tmp_path / name, longer)
        assert {"words", "reply", "limit", "on"} <= await editor.completions(tmp_path / name, last - 2, 4)
        assert {"side", "order_status", "counterparty"} <= await editor.completions(tmp_path / name, last, 6)
