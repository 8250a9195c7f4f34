r"""The worst patterns that the literature knows, each with a name, its source and a text that it is slow on.

Sources: [OWASP] "Regular expression Denial of Service"; [GOY] J. Goyvaerts, regular-expressions.info, "Catastrophic
Backtracking"; [FRIEDL] "Mastering Regular Expressions", ch. 6; [COX] R. Cox, "Regular Expression Matching Can Be Simple
And Fast" (2007); [SUL] B. Sullivan, MSDN Magazine May 2010; [RAT] Rathnayake and Thielecke, "Static Analysis for
Regular Expression Exponential Runtime via Substructural Logics" (2014); [DAVIS] Davis et al., "The Impact of Regular
Expression Denial of Service in Practice" (ESEC/FSE 2018); [CF] and [SO] the post-mortems of Cloudflare (2 July 2019)
and Stack Overflow (20 July 2016); [AHO] A. Aho, "Algorithms for Finding Patterns in Strings" (1990): matching with
backreferences is NP-hard; the rest name the program whose pattern it was. [OWN]: what our engine can do beyond others.
Patterns that would match an empty text have a letter more, for those are refused anyhow.
"""

from __future__ import annotations

from typing import NamedTuple


class Evil(NamedTuple):
    """One pattern. ``text``: an attack, of which the first 2000 characters are looked at."""

    name: str
    source: str
    pattern: str
    text: str


EVIL: tuple[Evil, ...] = (
    # Nested quantifiers
    Evil("plus of plus", "OWASP", r"(a+)+$", "a" * 2000 + "!"),
    Evil("star of letters", "OWASP", r"([a-zA-Z]+)*!", "a" * 1990 + "\n!"),
    Evil("OWASP validation: person name", "OWASP", r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 1990 + "\nAb"),
    Evil("x plus x plus y", "GOY", r"(x+x+)+y", "x" * 1990 + "\ny"),
    Evil("quoted string of parts", "FRIEDL", r'"(\\.|[^\\"]+)*"', '"' + "x" * 1999),
    Evil("digits of digits", "SUL", r"^(\d+)+$", "1" * 1999 + "x"),
    Evil("star of star", "SUL", r"^(\d*)*x$", "1" * 1990 + "\nx"),
    Evil("three levels", "RAT", r"((a*)*)*b", "a" * 1990 + "\nb"),
    Evil("words with blanks", "the house's own rule language", r"(?:\w+\s?)+:", "word " * 390 + "\n:"),
    Evil("words to the end", "DAVIS", r"^(\w+\s?)*$x?!", "word " * 390 + "\n!x!"),
    Evil("any of any", "DAVIS", r"(.*)*x!", "x" * 1990 + "\n!"),
    Evil("lazy of lazy", "GOY", r"(a+?)+?b", "a" * 1990 + "\nb"),
    # Alternations that overlap
    Evil("a or aa", "OWASP", r"(a|aa)+$", "a" * 1999 + "!"),
    Evil("a or maybe a", "OWASP", r"(a|a?)+$!", "a" * 1990 + "\n!"),
    Evil("a, b or ab", "RAT", r"(a|b|ab)*c", "ab" * 990 + "\nc"),
    Evil("digits or blanks", "SUL", r"^(\d+|\s+|\d\s)*$!", "1 " * 990 + "\n!"),
    Evil("classes that overlap", "SUL", r"^([a-z0-9]|[a-z]|\w)+@", "a" * 1990 + "\n@"),
    Evil("moment months", "moment.js before 2.11.2", r"D[oD]?(\[[^\[\]]*\]|\s+)+MMMM?", "D" + " " * 1980 + "x MMM"),
    Evil(
        "braces multiplier",
        "braces, CVE-2018-1109",
        r"^\{(,+(?:(\{,+\})*),*|,*(?:(\{,+\})*),+)\}",
        "{" + "," * 1990 + "\n}",
    ),
    Evil(
        "Django domain",
        "Django, CVE-2009-3695",
        r"@(?:[A-Z0-9]+(?:-*[A-Z0-9]+)*\.)+[A-Z]{2,6}$",
        "@" + "a" * 1980 + "\n.com",
    ),
    Evil(
        "OWASP validation: e-mail",
        "OWASP",
        r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
        "a" * 1980 + "\n@a.com",
    ),
    # Polynomial ones
    Evil("Stack Overflow trim", "SO", r"[\s\u200c]+$", " " * 1999 + "x"),
    Evil(
        "Cloudflare rule",
        "CF",
        r"(?:(?:\"|'|\]|\}|\\|\d|(?:nan|infinity|true|false|null|undefined|symbol|math)|\`|\-|\+)+[)]*;?"
        r"((?:\s|-|~|!|{}|\|\||\+)*.*(?:.*=.*)))",
        "1" + "x" * 1990 + "\n=",
    ),
    Evil("many commas", "GOY", r"^(.*?,){11}P", "1," * 1000),
    Evil("ten letters with anything between", "OWASP", r"(.*a){12}!", "a" * 2000),
    Evil("four stars", "DAVIS", r"a*a*a*a*b", "a" * 1990 + "\nb"),
    Evil(
        "urllib realm",
        "CPython, CVE-2020-8492",
        r"(?:.*,)*[ \t]*([^ \t]+)[ \t]+realm=([\"']?)([^\"']*)\2",
        "," * 1980 + "\n realm=",
    ),
    Evil("setuptools rel", "setuptools, CVE-2022-40897", r"<([^>]*\srel\s*=\s*['\"]?([^'\">]+)[^>]*)>", "< rel=" * 333),
    Evil("nth-check", "nth-check, CVE-2021-3803", r"^([+-]?\d*n)?\s*(?:([+-]?)\s*(\d+))x$", " " * 1990 + "\n1x"),
    Evil("glob-parent", "glob-parent, CVE-2020-28469", r"(^|[^\\])([\{\[]|\([^\)]+$)", "(" * 1990 + ")"),
    Evil("debug newlines", "debug, CVE-2017-16137", r"\s*\n\s*x", " " * 1990 + "\nx"),
    Evil(
        "ms durations",
        "ms before 2.0",
        r"^((?:\d+)?\.?\d+) *(ms|seconds?|minutes?|hours?|days?|years?)$",
        "5" * 1990 + "\nms",
    ),
    Evil("markdown code", "marked before 0.3.9", r"^(`+)\s*([\s\S]*?[^`])\s*\1(?!`)", "`" + " " * 1998 + "x"),
    Evil("poplib greeting", "CPython, CVE-2018-1060", r"\+OK.*(<[^>]+>)", "+OK" + "<" * 1980 + "\n>"),
    # Backreferences
    Evil("word said again", "DAVIS", r"(\w+)\1+x", "ab" * 990 + "\nx"),
    Evil("Abigail's primes", "Abigail (1998)", r"^(11+?)\1+$", "1" * 1999),
    Evil("three variables", "AHO", r"^(x*)(x*)(x*)y\1\2\3\1\2\3z", "x" * 900 + "y" + "x" * 1099),
    Evil("copies within copies", "AHO", r"((a+)\2?)+b", "a" * 1990 + "\nb"),
    # Lookarounds
    Evil("plus of plus ahead", "GOY", r"(?=(a+)+b)a", "a" * 2000),
    Evil("password rules", "DAVIS", r"^(?=(.*\d)+x)(?=(.*[a-z])+!).*$", "a1" * 990 + "\nx!"),
    Evil("plus of plus behind", "OWN", r"(?<=(a+)+)c!", "a" * 1990 + "\nc!"),
    Evil("not ahead, again and again", "OWN", r"(?:(?!(a|aa)+b)a)+c", "a" * 2000),
    # Counted repetitions
    Evil("optional ones", "COX", r"(?:a?){28}a{28}$!", "a" * 1990 + "\n!"),
    Evil("ranges of ranges", "COX", r"(?:a{1,40}){1,40}b", "a" * 2000),
    Evil("classes, counted and nested", "RAT", r"^(?:(?:[ab]{0,12}){0,12}){0,12}c", "ab" * 990 + "\nc"),
    # What Unicode adds
    Evil("two spellings of s", "OWN", r"(ſ|s|S)+!", "s" * 1990 + "\n!"),
    Evil("two spellings of k", "OWN", r"(\u212a|k)+x", "k" * 1990 + "\nx"),
    Evil("full case folding", "OWN", r"(?f)(ß|ss|s)+!", "s" * 1990 + "\n!"),
    Evil("letters or words", "OWN", r"^(\p{L}|\w)+!", "ж" * 1990 + "\n!"),
    Evil("graphemes or anything", "OWN", r"^(\X|.)+!", "é" * 1990 + "\n!"),
    # What our engine adds
    Evil("recursion", "OWN", r"(?P<x>a(?&x)?a?)+b", "a" * 2000),
    Evil("mirrored words", "OWN", r"^((.)(?1)*\2?)+!", "ab" * 990 + "\n!"),
    Evil("fuzzy", "OWN", r"(?:catastrophe){e<=6}!!!!!!!!", "catastroph" * 190 + "\n!!!!!!!!"),
    Evil("best fuzzy", "OWN", r"(?b)(?:(?:ab)+){e<=4}zzzzzz", "ab" * 990 + "\nzzzzz"),
    Evil("branch reset", "OWN", r"(?|(a+)|(aa))+b", "a" * 1990 + "\nb"),
)

# On these our engine is quick, or takes some ten milliseconds: whether the probe calls them slow is up to the machine.
MILD = frozenset(
    {
        "plus of plus",
        "quoted string of parts",
        "digits of digits",
        "star of star",
        "words to the end",
        "any of any",
        "moment months",
        "braces multiplier",
        "Django domain",
        "OWASP validation: e-mail",
        "Stack Overflow trim",
        "Cloudflare rule",
        "urllib realm",
        "nth-check",
        "glob-parent",
        "debug newlines",
        "ms durations",
        "poplib greeting",
        "Abigail's primes",
        "password rules",
        "plus of plus behind",
        "classes, counted and nested",
        "graphemes or anything",
        "fuzzy",
        "best fuzzy",
    }
)

BOMBS: dict[str, str] = {
    "a thousand thousands": "(a{1000}){1000}",
    "a thousand thousands of thousands": "(?:(?:a{1000}){1000}){1000}",
    "tens within tens": "(((((((a{10}){10}){10}){10}){10}){10}){10}){10}",
    "twos within twos": "((((((((((((a{2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2}",
    "ranges": "(?:(?:.{1,200}){1,200}){1,200}x",
    "a number beyond the engine": "a{99999999999}",
    "blanks within a count": "(?x)(?:(?:a{1 000}){1 000}){10}",
    "comments within a count": "(?x)a{1(?#\n)000}{10#\n00}",
    "flags for a part": "(?i:(?x:a{9 999}))",
    "a group of groups": "(?:(?P<a>x)|(?P<b>y)){60000}",
    "lookbehind": "(?<=a{50000})b",
    "classes": r"(?:[\p{L}--[a-z]]{300}){300}",
    "sets within sets": "[[a-z]--[b]]{90000}",
    "long": "x" * 501,
}
