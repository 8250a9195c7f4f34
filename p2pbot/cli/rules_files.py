"""Which rule files a command means, and the set they make."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from p2pbot.adapters.files import read_rules
from p2pbot.adapters.pictures import PicturePolicy, picture_policy, read_pictures
from p2pbot.cli.options import PLACES, settings_of
from p2pbot.errors import ConfigError, RulesError
from p2pbot.rules.ruleset import LoadedRules, RuleSet, load_rules


def rule_files(arguments: argparse.Namespace, path: Path | None) -> dict[str, str]:
    """Return the texts of ``path``, else of the configuration's rules, else of ./rules. Raises ConfigError."""
    if path is not None:
        return read_rules(path)
    return {name: text for directory in rule_places(arguments) for name, text in read_rules(directory).items()}


def rule_places(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """Return the rule directories that are meant when none is named. Raises ConfigError."""
    configured = getattr(arguments, "config", None) or os.environ.get("P2PBOT_CONFIG") or any(map(Path.exists, PLACES))
    if not configured and Path("rules").is_dir():
        return (Path("rules"),)
    return tuple(dict.fromkeys(_as_typed(account.rules) for account in settings_of(arguments).accounts))


def _as_typed(path: Path) -> Path:
    """Return a path as somebody here would type it: short, where it lies below the current directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) and path != here else path


def load_files(files: dict[str, str], arguments: argparse.Namespace | None = None) -> LoadedRules:
    """Return the rules of ``files`` and of the pictures that they name, which may be as large as configured."""
    return load_rules(files, read_pictures(files, _policy(arguments or argparse.Namespace())).known)


def _policy(arguments: argparse.Namespace) -> PicturePolicy:
    """Return how large pictures may be; whoever tries rules without a configuration tries them with the defaults."""
    try:
        return picture_policy(settings_of(arguments).pictures)
    except ConfigError:
        return PicturePolicy()


def ruleset_of(files: dict[str, str], arguments: argparse.Namespace | None = None) -> RuleSet:
    """Return the rules of ``files``. Raises RulesError with every finding."""
    loaded = load_files(files, arguments)
    if loaded.ruleset is None:
        findings = tuple(finding.render() for finding in loaded.findings)
        raise RulesError("the rules have errors", remedy="mend them first", findings=findings)
    return loaded.ruleset


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Add ``--clock``, which the commands have that try rules at a time."""
    told = "what time it is: 2026-01-05T23:30+03:00 (default: now)"
    parser.add_argument("--clock", metavar="MOMENT", default="", help=told)


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add ``--rules``, which all commands but check and test have."""
    told = "a rule file or a directory of them (default: those of the configuration, else ./rules)"
    parser.add_argument("--rules", metavar="PATH", type=Path, help=told)
