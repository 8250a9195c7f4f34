"""Small harms, done by chance: to a text, and to JSON by its structure.

Promise: every choice comes from the given ``Random``; nothing grows beyond ``LONGEST`` but on purpose (``bombs``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

from tests.fuzz.trees import Leaf, Pairs, Row, Tree, changed, tree

LONGEST = 20_000  # characters: what is longer is a bomb, and bombs have tests of their own
_DEEP = (5, 24, 60, 400, 990, 3000)

# Each once broke some program: half surrogates, what ends a C text, what turns writing around, what folds to several
# letters, digits that are not 0-9, white space that is not a blank, other languages' quotes and openings.
FRAGMENTS: tuple[str, ...] = (
    *("\x00", "\ud800", "\udfff", "\udc80", "\U0001f600", "\ufeff", "\u202e", "\u200b", "\u2028", "\x85", "\x1b[2J"),
    *(
        "\ufdfa",
        "\u0130",
        "\u0131",
        "ß",
        "ﬃ",
        "\u0345",
        "ё",
        "付款",
        "ไทย",
        "مرحبا",
        "हिन्दी",
        "\u0301" * 9,
        "Ⅷ",
        "\u1e9e",
    ),
    *("١٢", "²", "½", "௧", "1e999999999", "-1", "0", "NaN", "Infinity", "9" * 30, "0x1F", "1_0", "٪", "1.5", "+7"),
    *("<br>", "<br", "<BR / >", "&lt;", "{{ order.number }}", "{% if", "%}", "{#", "${x}", "%s", "%(a)s", "{0}", "{"),
    *(
        "}",
        "[",
        "]",
        '"',
        "'",
        "\\",
        "\\u0000",
        "\\ud800",
        "`",
        "|",
        ">",
        "&a",
        "*a",
        "!!x",
        "@",
        "#",
        " #",
        ": ",
        "- ",
    ),
    *("\n", "\r\n", "\t", " ", "   ", "\xa0", "\u3000", "://", "https://", "://a:b@c", "..", "/", "?", "&", "=", ";"),
    *("paid", "true", "null", "no", "~", "self", "*", "a*", "(a+)+$", "(?P<n>a)", "[", "\\b", "{3,}", "$", "^"),
)
ATOMS: tuple[str, ...] = (
    *("null", "true", "false", "0", "-0", "1", "-1", "2", "3", "1.0", "0.1", "-0.0", "1e0", "1E2", "1e999", "-1e999"),
    *("NaN", "Infinity", "-Infinity", "9007199254740993", "9223372036854775807", "9223372036854775808", "1e18"),
    *("18446744073709551616", "4102444800000", "253402300800000", "1" + "0" * 39, "1e-400", "0." + "3" * 60),
    *('""', '"0"', '"1"', '"-1"', '"true"', '"false"', '"null"', '"NaN"', '"Infinity"', '"1e999999999"', '"1e-999999"'),
    *('"1E+18"', '"1_000"', '"0x10"', '" 7 "', '"7\\n"', '"٣"', '"²"', '"\\u0000"', '"\\ud800"', '"\\udc00x"'),
    *('"' + "9" * 50 + '"', '"' + "a" * 200 + '"', "[]", "{}", "[[]]", "[{}]", '{"":""}', '"{}"', '"[]"', '"{"'),
    *('"text"', '"image"', '"system"', '"auto_reply"', '"SELL"', '"buy"', "6", "7", '"000000"', "000000", '"000000 "'),
)
_RARE: tuple[str, ...] = ("9" * 4300, "9" * 4301, "-" + "1" * 5000, '"' + "1" * 5000 + '"', "1" * 4000 + ".5")


def pick(rng: Random, choices: Sequence[str]) -> str:
    """Return one of ``choices``."""
    return choices[int(rng.random() * len(choices))]


def harmed(text: str, rng: Random, words: Sequence[str] = FRAGMENTS) -> str:  # noqa: PLR0911 - one line, one harm
    """Return ``text`` after one harm."""
    at, kind = int(rng.random() * (len(text) + 1)), rng.random()
    if kind < 0.45 or not text:
        return text[:at] + pick(rng, words) + text[at:]
    end = min(len(text), at + 1 + int(rng.random() ** 3 * len(text)))
    if kind < 0.65:
        return text[:at] + text[end:]
    if kind < 0.75:
        return text[:at] + text[at:end] * 2 + text[end:] if len(text) < LONGEST else text[:at]
    if kind < 0.85:
        return text[:at] + pick(rng, words) + text[end:]
    if kind < 0.9:
        return text[:at]
    if kind < 0.95:
        return text[:at] + text[at:end].swapcase() + text[end:]
    return text[:at] + chr(int(rng.random() ** 4 * 0x10FFFF)) + text[end:]


def harms(text: str, rng: Random, most: int = 4, words: Sequence[str] = FRAGMENTS) -> str:
    """Return ``text`` after 0 to ``most`` harms."""
    for _ in range(int(rng.random() * (most + 1))):
        text = harmed(text, rng, words)
    return text


def harmed_node(node: Tree, rng: Random) -> Tree | None:  # noqa: PLR0911 - one line, one harm
    """Return another node for ``node``, or None to take it out."""
    kind = rng.random()
    if kind < 0.35:
        return Leaf(pick(rng, ATOMS))
    if kind < 0.45:
        return None
    if kind < 0.75 and isinstance(node, Leaf):
        return _harmed_leaf(node, rng)
    if kind < 0.9 and isinstance(node, Pairs) and node.items:
        return _harmed_pairs(node, rng)
    if kind < 0.92:
        return Leaf(json.dumps(node.text))  # JSON inside a text
    if kind < 0.96:
        return Row((node, node)) if rng.random() < 0.5 else Pairs((("type", node),))
    if kind < 0.995:
        return nested(node, _DEEP[int(rng.random() ** 3 * len(_DEEP))], rng)
    return Leaf(pick(rng, _RARE))


def _harmed_leaf(node: Leaf, rng: Random) -> Leaf:
    if not node.text.startswith('"'):
        return Leaf(json.dumps(node.text) if rng.random() < 0.5 else node.text + pick(rng, ("0", ".0", "e3", "00", "")))
    try:
        text = str(json.loads(node.text))
    except ValueError:
        return node
    return Leaf(json.dumps(harms(text, rng, 3), ensure_ascii=rng.random() < 0.9))


def _harmed_pairs(node: Pairs, rng: Random) -> Pairs:
    at = int(rng.random() * len(node.items))
    key, value = node.items[at]
    other = node.items[int(rng.random() * len(node.items))]
    kind = rng.random()
    new: tuple[tuple[str, Tree], ...]
    if kind < 0.3:
        new = ((key, value), (key, Leaf(pick(rng, ATOMS))))  # the same key twice
    elif kind < 0.6:
        new = ((key, other[1]), (other[0], value))
    elif kind < 0.9:
        new = ((harmed(key, rng), value),)
    else:
        new = ((key.swapcase(), value), (key + "\x00", value))
    return Pairs(node.items[:at] + new + node.items[at + 1 :])


def nested(node: Tree, depth: int, rng: Random) -> Tree:
    """Return ``node`` inside ``depth`` lists or objects."""
    if rng.random() < 0.5:
        return Leaf("[" * depth + node.text + "]" * depth)
    return Leaf('{"content":' * depth + node.text + "}" * depth)


def harmed_json(value: Tree, rng: Random, most: int = 4) -> str:
    """Return JSON text of ``value`` after harms to its structure, and seldom to its text."""
    for _ in range(int(rng.random() * (most + 1))):
        value = changed(value, rng, harmed_node)
    text = value.text
    return harms(text, rng, 3) if rng.random() < 0.08 else text


def trees(*values: object) -> tuple[Tree, ...]:
    """Return plain data as trees."""
    return tuple(tree(value) for value in values)
