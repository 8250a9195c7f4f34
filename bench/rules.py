"""What finding a message's rules costs, beside a loop over the same rules with ``re`` and with google-re2.

Promise: each size runs in a process of its own, all three engines in it on the same messages; whether they found the
same rules is checked on every message, and a difference that is not explained here ends the bench. The loops are given
the folded text for nothing; p2pbot's figure has the folding in it, and beside it the folding alone.
``python -m bench.rules 1000 0.4`` measures one size and prints JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.corpus import ASCII_ONLY, MESSAGES, Merchant
from bench.figures import Figure, Ratio, short
from p2pbot.model import ChatMessage, EventKind, MessageKind, Stimulus
from p2pbot.model import Path as Way
from p2pbot.rules.folding import fold, visible
from p2pbot.rules.given import GivenFacts
from p2pbot.rules.ruleset import RuleSet, load_rules

_SHARE = 0.4  # of the mixed rules: patterns
_SIZES, _QUICK_SIZES = (10, 100, 1_000, 10_000), (10, 300)
_ROUND_S = 0.2  # of each engine on all messages, at least
_ROUNDS = 50  # at most
_DEADLINE_S = 900
_COLUMNS = {
    "p2pbot": "p2pbot µs",
    "folding alone": "of it folding µs",
    "re": "`re` loop µs",
    "re2": "re2 loop µs",
    "whole decision": "whole decision µs",
    "p2pbot loads a rule": "load ms a rule",
    "re compiles a rule": "`re` ms",
    "re2 compiles a rule": "re2 ms",
    "p2pbot keeps a rule": "keeps KiB a rule",
    "re keeps a rule": "`re` KiB",
    "re2 keeps a rule": "re2 KiB",
}
Find = Callable[[str], list[str]]


def measure(*, quick: bool) -> tuple[list[Figure], list[Ratio]]:
    """Return the figures of all sizes, and what to compare."""
    figures: list[Figure] = []
    ratios: list[Ratio] = []
    for share, kind in ((0.0, "words"), (_SHARE, "words and 40 % patterns")):
        ours = []
        for count in _QUICK_SIZES if quick else _SIZES:
            taken = _in_a_process(count, share)
            named = {
                name: Figure(f"{count} rules, {kind}: {name}", unit, tuple(v)) for name, (unit, v) in taken.items()
            }
            figures += named.values()
            ratios += [Ratio(named[loop], named["p2pbot"]) for loop in ("re", "re2") if loop in named]
            ours.append(named["p2pbot"])
        ratios.append(Ratio(ours[-1], ours[0]))
    return figures, ratios


def _in_a_process(count: int, share: float) -> dict[str, tuple[str, list[float]]]:
    command = [sys.executable, "-m", "bench.rules", str(count), str(share)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_DEADLINE_S)  # noqa: S603 - ourselves
    sys.stderr.write(done.stderr)
    taken: dict[str, tuple[str, list[float]]] = json.loads(done.stdout)
    return taken


def measure_one(count: int, share: float) -> dict[str, tuple[str, list[float]]]:
    """Return what was measured in this process, by name: unit and values (a message's median each, or one)."""
    merchant = Merchant(count, share)
    taken: dict[str, tuple[str, list[float]]] = {}
    finders = _loops(merchant, taken)  # before ours, whose memory would be used again for theirs
    ruleset = _loaded(merchant, taken)
    finders["p2pbot"] = lambda text: _found(ruleset, text)
    agree(merchant, finders)
    taken["p2pbot"] = ("µs", _timed(finders["p2pbot"]))
    taken["folding alone"] = ("µs", _timed(lambda text: [fold(text).text, visible(text)]))
    taken["whole decision"] = ("µs", _timed(decision(ruleset)))
    for name in ("re", "re2"):
        if name in finders:
            taken[name] = ("µs", _timed(finders[name]))
    return taken


def table(figures: Iterable[Figure], ratios: Iterable[Ratio]) -> str:
    """Return the figures as one row for each size and kind (medians), and the ratios."""
    rows: dict[str, dict[str, float]] = {}
    for figure in figures:
        of, _, what = figure.name.partition(": ")
        rows.setdefault(of, {})[what] = figure.median
    lines = ["| medians | " + " | ".join(_COLUMNS.values()) + " |", "|---|" + "--:|" * len(_COLUMNS)]
    lines += [
        f"| {of} | " + " | ".join(short(row[what]) if what in row else "–" for what in _COLUMNS) + " |"
        for of, row in rows.items()
    ]
    lines += ["", "| of | to | ratio |", "|---|---|--:|"]
    lines += [f"| {ratio.of.name} | {ratio.to.name} | {short(ratio.value)} |" for ratio in ratios]
    return "\n".join(lines)


# The three engines


def _loaded(merchant: Merchant, taken: dict[str, tuple[str, list[float]]]) -> RuleSet:
    files = merchant.files()
    load_rules(Merchant(10, _SHARE).files())  # what is made once for all
    before_kib, began_s = _resident_kib(), time.process_time()
    loaded = load_rules(files)
    took_s = time.process_time() - began_s
    assert loaded.ruleset is not None, "\n".join(finding.headline for finding in loaded.findings)
    taken["p2pbot loads a rule"] = ("ms", [took_s * 1000 / merchant.count])
    gc.collect()
    taken["p2pbot keeps a rule"] = ("KiB", [max(0, _resident_kib() - before_kib) / merchant.count])
    return loaded.ruleset


def _found(ruleset: RuleSet, text: str) -> list[str]:
    heard = ruleset.hear(text)
    return [rule.id for rule in ruleset.called(heard) if rule.matcher.matches(heard)]


def _with_re(pattern: str) -> Any:
    return re.compile(pattern, re.IGNORECASE)


def _with_re2() -> Callable[[str], Any] | None:
    try:
        re2: Any = importlib.import_module("re2")
    except ImportError:
        sys.stderr.write("google-re2 is not installed here: its column is left out\n")
        return None
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return lambda pattern: re2.compile(pattern, options)


_FOLDED: dict[str, tuple[str, str]] = {}


def _folded_before() -> None:
    """Fold every message once: the loops are not charged with it."""
    _FOLDED.update({text: (f" {fold(text).text} ", visible(text)) for text in MESSAGES})


def _loops(merchant: Merchant, taken: dict[str, tuple[str, list[float]]]) -> dict[str, Find]:
    engines = {"re": _with_re, "re2": _with_re2()}
    return {name: _loop(name, merchant, made, taken) for name, made in engines.items() if made is not None}


def _loop(
    name: str, merchant: Merchant, compiled: Callable[[str], Any], taken: dict[str, tuple[str, list[float]]]
) -> Find:
    _folded_before()
    before_kib, began_s = _resident_kib(), time.process_time()
    rules = [
        (rule.id, 0 if rule.words else 1, compiled(rule.on_folded() if rule.words else rule.pattern))
        for rule in merchant.rules
    ]
    taken[f"{name} compiles a rule"] = ("ms", [(time.process_time() - began_s) * 1000 / merchant.count])
    taken[f"{name} keeps a rule"] = ("KiB", [max(0, _resident_kib() - before_kib) / merchant.count])

    def find(text: str) -> list[str]:
        forms = _FOLDED[text]
        return [rule_id for rule_id, form, engine in rules if engine.search(forms[form])]

    return find


def decision(ruleset: RuleSet) -> Callable[[str], object]:
    """Return what decides a message as the daemon does."""
    now_ms = 1_767_596_400_000
    facts = GivenFacts.model_validate({"side": "sell", "order_status": "unpaid", "amount": "900"}).facts(now_ms)

    def decide(text: str) -> object:
        message = ChatMessage(
            order_no=facts.order.number,
            kind=MessageKind.TEXT,
            path=Way.SOCKET,
            message_id="1",
            text=text,
            from_us=False,
        )
        event = EventKind.MESSAGE
        stimulus = Stimulus(kind=event, order_no=message.order_no, key="m:1", at_ms=now_ms, message=message)
        return ruleset.evaluate(stimulus, facts, (), now_ms, _Middle(), "nobody", computed_s=time.thread_time)

    return decide


class _Middle:
    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


# Agreement and time


def agree(merchant: Merchant, finders: dict[str, Find]) -> None:
    """Raise AssertionError if an engine found other rules than ours, but for what RE2 means by a letter."""
    ascii_only = {rule.id for rule in merchant.rules if rule.pattern in ASCII_ONLY}
    for text in MESSAGES:
        ours = set(finders["p2pbot"](text))
        for name, find in finders.items():
            differ = ours ^ set(find(text))
            unexplained = differ - ascii_only if name == "re2" else differ
            assert not unexplained, f"{name} and p2pbot disagree about {text!r}: {sorted(unexplained)}"


def _timed(asked: Callable[[str], object]) -> list[float]:
    """Return each message's time in µs, the median of as many rounds as fit."""
    rounds: list[list[float]] = []
    until_s = time.perf_counter() + _ROUND_S
    while len(rounds) < _ROUNDS and (len(rounds) < 3 or time.perf_counter() < until_s):
        rounds.append([_once(asked, text) for text in MESSAGES])
    return [sorted(times)[len(rounds) // 2] for times in zip(*rounds, strict=True)]


def _once(asked: Callable[[str], object], text: str) -> float:
    began = time.perf_counter()
    asked(text)
    return (time.perf_counter() - began) * 1_000_000


def _resident_kib() -> int:
    rows: Iterable[str] = Path("/proc/self/status").read_text("ascii").splitlines()
    return next((int(row.split()[1]) for row in rows if row.startswith("VmRSS:")), 0)


def main(arguments: Sequence[str]) -> None:
    """Measure one size."""
    count, share = int(arguments[0]), float(arguments[1])
    sys.stdout.write(json.dumps(measure_one(count, share)))


if __name__ == "__main__":
    main(sys.argv[1:])
