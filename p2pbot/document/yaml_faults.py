"""What YAML's parser says, in a merchant's words: where the mistake was made, what it is, how to mend it.

Promise: a known complaint is told at the line where it arose (the bracket that is not closed, not the end of the file)
and without the parser's vocabulary; an unknown one is repeated as it is.
Source: libyaml's scanner and parser, whose problems and marks these are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml

from p2pbot.document.findings import Finding
from p2pbot.document.source import Source

TRAPS = "{[*&!%@>|`\"'?"
_VALUE = re.compile(r"^[ \t]*(?:-[ \t]+)*(?:[^\s#\"'{\[][^#]*?:[ \t]+)?(?P<first>\S)")
_KEY_ALONE = re.compile(r"\s*(?:- +)?[\w.-]+\s*")
_UNSPACED = re.compile(r"\s*(?:- +)?[\w-]+:\S")
_DASHED = re.compile(r"\s*-[^\s-]")
_FIRST_WORD = re.compile(r"\s*(?:- +)?(?P<word>[\w-]+)(?=\s|$)")
_CURLY = "“”„«‘’"
_CLOSING = {"[": "]", "{": "}"}
_INSIDE = {
    '"': 'write \\" for a quote inside the text, or put the whole text in single quotes',
    "'": "write '' for an apostrophe inside the text, or put the whole text in double quotes",
}
_SEVERAL_LINES = "a text of several lines is indented more than its key"
_COLUMN = "lines that belong together begin in the same column"
Told = tuple[int, str, str]


def needs_quotes(char: str) -> str:
    """Return the sentence about a text that begins with one of YAML's own characters."""
    return f"a text that starts with {char} needs quotes around the whole of it"


def syntax_finding(source: Source, error: yaml.MarkedYAMLError) -> Finding:
    """Return what is wrong, at the place to look at."""
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(source.text)) if mark else 0
    since = min(error.context_mark.index, len(source.text)) if error.context_mark else index
    problem = (error.problem or "this is not YAML").replace("\t", "\\t")
    tell = next((tell for words, tell in _KNOWN.items() if words in problem), None)
    place, message, hint = (tell(source, index, since) if tell else None) or _unknown(source, index, problem)
    return source.finding(place, message, hint)


def _unknown(source: Source, index: int, problem: str) -> Told:
    found = _VALUE.match(source.line_at(index))
    return index, f"YAML: {problem}", needs_quotes(found["first"]) if found and found["first"] in TRAPS else ""


def _no_colon(source: Source, index: int, since: int) -> Told:
    if source.follows_secret(since):
        return index, "a line above this one is no `key: value`", _SEVERAL_LINES
    line = source.line_at(since)
    word = _FIRST_WORD.match(line) if source.echo(since) else None
    if "：" in line:
        hint = "write the colon as : with a blank behind it"
    elif _DASHED.match(line):
        hint = "put a blank behind the -"
    elif _UNSPACED.match(line):
        hint = "put a blank behind the colon"
    elif word:
        hint = f"is the colon behind `{word['word'][:40]}` missing? {_SEVERAL_LINES}"
    else:
        hint = f"is its colon missing? {_SEVERAL_LINES}"
    return since, "this line is no `key: value`", hint


def _second_colon(source: Source, index: int, _: int) -> Told:
    line, column = source.line_at(index), source.position(index).column - 1
    first = index - column + len(line) - len(line.lstrip())
    above = source.line_above(index)
    if _KEY_ALONE.fullmatch(line[:column]):
        if re.match(r"\s*-\w", above):
            return first, "the line above begins with - and no blank", "put a blank behind the -"
        return first, "this line is indented more than the one above it", _COLUMN
    found = _VALUE.match(line)
    if found and found["first"] in _CURLY:
        return index, "a text that holds ': ' needs quotes", "YAML knows the straight quotes \" and ' alone"
    return index, "a text that holds ': ' needs quotes around the whole of it", 'write key: "text: more text"'


def _column(source: Source, index: int, _: int) -> Told | None:
    line, column = source.line_at(index), source.position(index).column - 1
    if line[:column].strip():
        return _behind(source, index)
    if line[column : column + 2] == "- ":
        lacking = _first_entry(source, index, column)
        if lacking is not None:
            return lacking, "an entry of a list begins with a - and a blank", "write them before this"
        return index, "this - stands in another column than those above", "begin each in the same column"
    return index, "this line begins in a column where no other does", _COLUMN


def _first_entry(source: Source, index: int, column: int) -> int | None:
    """Return where the first entry of a list begins that has another - at ``index``, if its own - is missing."""
    first, lacks = index, False
    for at, line in source.lines_above(index):
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent < column:
            return first if lacks and line.rstrip().endswith(":") else None
        if line.strip() and not line.lstrip().startswith("#"):
            first, lacks = at + indent, not line.lstrip().startswith("- ")
    return None


def _behind(source: Source, index: int) -> Told | None:
    """Return what to say when something stands behind a text or bracket that has ended."""
    found = _VALUE.match(source.line_at(index))
    first = found["first"] if found else ""
    if first in _INSIDE:
        before = source.line_at(index)[: source.position(index).column - 1].rstrip()
        if before.count(first) == 1 and before.endswith(first):  # it ended a text that began in a line above
            above = ((at + line.index(first)) for at, line in source.lines_above(index) if line.count(first) % 2)
            return _unclosed_quote(source, index, next(above, index))
        return index, f"the text in {first} ended before this", _INSIDE[first]
    if first in _CLOSING:
        return index, f"nothing may stand behind the {_CLOSING[first]}", needs_quotes(first)
    return None


def _unclosed_quote(source: Source, _: int, since: int) -> Told:
    quote = source.text[since : since + 1]
    return since, f"the quote {quote} that opens here is not closed", "put the same quote at the end of the text"


def _unclosed_bracket(source: Source, index: int, since: int) -> Told:
    bracket = source.text[since : since + 1]
    closing = _CLOSING.get(bracket, "the bracket")
    if source.position(index).line == source.position(since).line and source.text[index:].strip():
        return index, f"a comma or {closing} is missing before this", "put texts with special characters in quotes"
    return since, f"the {bracket} that opens here is not closed", f"write {closing} at its end"


def _cannot_start(source: Source, index: int, since: int) -> Told:
    place = since if source.text[since : since + 1] in {">", "|"} else index
    if "\t" in source.text[index : index + 1]:
        return index, "a tab stands here", "indent with spaces, not with tabs"
    return place, f"a text cannot begin with {source.text[place : place + 1]}", _quoted_here(source.echo(place))


def _trapped(source: Source, _: int, since: int) -> Told:
    char = source.text[since : since + 1]
    return since, f"a text that starts with {char} needs quotes", _quoted_here(source.echo(since))


def _quoted_here(rest: str) -> str:
    word = re.match(r"[^,\]}#\"]{1,40}", rest)
    return f'put the whole text in quotes: "{word[0].strip()}"' if word else "put the whole text in quotes"


_KNOWN: dict[str, Callable[[Source, int, int], Told | None]] = {
    "could not find expected ':'": _no_colon,
    "mapping values are not allowed": _second_colon,
    "did not find expected '-' indicator": _column,
    "did not find expected key": _column,
    "did not find expected <block end>": _column,
    "found unexpected end of stream": _unclosed_quote,
    "did not find expected ','": _unclosed_bracket,
    "found character that cannot start any token": _cannot_start,
    "did not find expected comment or line break": _cannot_start,
    "mapping keys are not allowed": _cannot_start,
    "expected alphabetic or numeric character": _trapped,
    "tab character": lambda _, index, __: (index, "a tab stands here", "indent with spaces, not with tabs"),
    "unknown escape character": lambda _, index, __: (
        index,
        "in double quotes a \\ changes what stands behind it",
        r"put a pattern in single quotes: '\d+'",
    ),
    "block sequence entries are not allowed": lambda _, index, __: (
        index,
        "a list cannot begin behind its key in the same line",
        "write each - in a line of its own below the key, or put a text in quotes",
    ),
}
