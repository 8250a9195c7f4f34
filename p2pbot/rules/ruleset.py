"""Rule files to a rule set: all or nothing, with every fault of every file.

Promise: pure; ``ruleset`` is None when any finding is an ERROR, so that half a set never runs. The order of files is
by name, as merchants see it in their directory.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from p2pbot.document import Finding, Loaded, Position, Severity, load_document
from p2pbot.model import LimitScope, Picture
from p2pbot.rules.choice import RuleSet
from p2pbot.rules.compiling import RuleCompiler
from p2pbot.rules.dialogue import RuleFile
from p2pbot.rules.lints import without_ignored
from p2pbot.rules.pictures import NO_PICTURES, Pictures
from p2pbot.rules.rule import Rule
from p2pbot.rules.set_lints import set_lints
from p2pbot.rules.shared import RuleFileRead, Shared, share
from p2pbot.rules.spec import FileSpec, RuleSpec
from p2pbot.rules.text_checks import Phrases

__all__ = ["LoadedRules", "RuleSet", "content_hash", "load_rules"]
MAX_FILES = 200  # a directory that somebody keeps by hand
MAX_FINDINGS = 200  # over all files; nobody reads more at once
_HASH_LENGTH = 16  # hex digits, 64 bits: told apart, not defended


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The set (None when a finding is an ERROR) and the findings, by file and place."""

    ruleset: RuleSet | None
    findings: tuple[Finding, ...]


_Compiled = tuple[RuleCompiler, Rule | None]


def load_rules(files: Mapping[str, str], pictures: Pictures = NO_PICTURES) -> LoadedRules:
    """Return the rules of ``files`` (name to text). ``pictures``: what is known of those that they name."""
    if not files:
        return LoadedRules(None, (_plain("rules", "there is no rule file", "write one, or run p2pbot init"),))
    if len(files) > MAX_FILES:
        return LoadedRules(None, (_plain("rules", f"there are {len(files)} rule files, more than {MAX_FILES}"),))
    phrases, findings, compiled = Phrases(), list[Finding](), list[_Compiled]()
    read = [_read(name, files[name]) for name in sorted(files)]
    shared, taken = share(read)
    shared = replace(shared, pictures=pictures)
    findings += taken
    for file in read:
        findings += file.loaded.findings
        rules = _compile_file(file, phrases, shared)
        findings += [finding for compiler, _ in rules for finding in compiler.findings]
        compiled += rules
    findings += _duplicates(compiled)
    sound = _with_group_scopes(rule for _, rule in compiled if rule)
    ruleset = RuleSet(sound, phrases.numbers, content_hash(files, pictures), shared.timezone, shared.default_language)
    findings += _examples(compiled, ruleset)
    if not any(finding.severity is Severity.ERROR for finding in findings):
        findings += set_lints(compiled, ruleset, read)
    findings.sort(key=lambda finding: finding.position)
    kept = [finding for name in sorted(files) for finding in _of_file(findings, name, files[name])]
    broken = any(finding.severity is Severity.ERROR for finding in kept)
    let_go(compiled, read, findings)
    return LoadedRules(None if broken else ruleset, tuple(kept[:MAX_FINDINGS]))


def let_go(*piles: list[Any]) -> None:
    """Empty lists of what nobody needs any more, one by one: freed in one piece, they stop every other thread."""
    for pile in piles:
        while pile:
            pile.pop()


def content_hash(files: Mapping[str, str], pictures: Pictures = NO_PICTURES) -> str:
    """Return what names this content of these files, and of their pictures, in state, traces and logs."""
    digest = hashlib.sha256()
    shown = [(*name, found.sha256) for name, found in sorted(pictures.items()) if isinstance(found, Picture)]
    for parts in (*((name, files[name]) for name in sorted(files)), *shown):
        for part in parts:
            data = part.encode(errors="surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:_HASH_LENGTH]


def _read(name: str, text: str) -> RuleFileRead:
    """Read a file as far as it is sound: of one with faults the other rules are looked at all the same."""
    loaded: Loaded[FileSpec] = load_document(text, name, RuleFile)
    places = range(loaded.size(("rules",)))
    sound = {index: spec for index in places if (spec := loaded.part(("rules", index), RuleSpec))}
    damaged = (
        (index, spec)
        for index in places
        if index not in sound and (spec := loaded.sound_part(("rules", index), RuleSpec))
    )
    return RuleFileRead(loaded, tuple(sound.items()), tuple(damaged))


def _compile_file(file: RuleFileRead, phrases: Phrases, shared: Shared) -> list[_Compiled]:
    compilers = (RuleCompiler(file.loaded, index, spec, phrases, shared) for index, spec in file.rules)
    compiled: list[_Compiled] = [(compiler, compiler.compile()) for compiler in compilers]
    for index, spec in file.damaged:
        compiler = RuleCompiler(file.loaded, index, spec, phrases, shared)
        compiler.look()
        compiler.findings = [finding for finding in compiler.findings if not _follows_from_damage(finding)]
        compiled.append((compiler, None))
    return compiled


def _follows_from_damage(finding: Finding) -> bool:
    """Whether a finding about a damaged rule may only say that a wrong key was left out (``when``, ``regex``)."""
    return finding.code == "P033" or "`match." in finding.message


def _of_file(findings: Iterable[Finding], name: str, text: str) -> list[Finding]:
    return without_ignored([finding for finding in findings if finding.position.file == name], text)


def _duplicates(compiled: Iterable[_Compiled]) -> list[Finding]:
    first: dict[str, RuleCompiler] = {}
    findings = []
    for compiler, _ in compiled:
        known = first.setdefault(compiler.spec.id, compiler)
        if known is not compiler:
            message = f"the id `{compiler.spec.id}` is taken by the rule at {known.at('id')}"
            findings.append(compiler.loaded.finding(compiler.at("id"), message, "give each rule its own", "P003"))
    return findings


def _with_group_scopes(given: Iterable[Rule]) -> list[Rule]:
    """Return the rules with the scopes in which their group is counted by any of its rules."""
    rules = list(given)
    scopes: dict[str, set[LimitScope]] = defaultdict(lambda: {LimitScope.ORDER})
    for rule in rules:
        scopes[rule.group].update(limit.scope for limit in rule.limits)
    return [replace(rule, scopes=frozenset(scopes[rule.group])) for rule in rules]


def _examples(compiled: Iterable[_Compiled], ruleset: RuleSet) -> list[Finding]:
    """Run ``examples`` and ``not_examples`` against the text checks of their own rule."""
    return [finding for compiler, rule in compiled if rule for finding in _failed_examples(compiler, rule, ruleset)]


def _failed_examples(compiler: RuleCompiler, rule: Rule, ruleset: RuleSet) -> Iterator[Finding]:
    written = (("examples", compiler.spec.examples, True), ("not_examples", compiler.spec.not_examples, False))
    for key, texts, meant in written:
        for at, text in enumerate(texts or ()):
            if rule.matcher.matches(ruleset.hear(text)) is not meant:
                searched = rule.matcher.judge(ruleset.hear(text))
                check = searched.check
                why = f"{check.name}: wanted {check.wanted}, is {searched.answer.actual}" if check else ""
                message = f"the rule `{rule.id}` {'does not match' if meant else 'matches'} this text"
                yield compiler.loaded.finding(compiler.at(key, at), message, why)


def _plain(file: str, message: str, hint: str = "") -> Finding:
    return Finding(Position(file, 1, 1), message, hint)
