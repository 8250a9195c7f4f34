"""The command line's frame: help, version, errors as sentences, exit codes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from p2pbot.cli import exit_code, main, parser
from p2pbot.cli.options import config_path
from p2pbot.errors import (
    ConfigError,
    KeyRefused,
    OurError,
    P2pbotError,
    RulesError,
    StateLocked,
    TimedOut,
    UsageError,
)
from p2pbot.secret import Secret
from tests.cli.conftest import Place

CLI = Callable[..., int]


def run(
    *arguments: str, cwd: Path, environ: dict[str, str] | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run the real program."""
    known = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"} | (environ or {})
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "p2pbot", *arguments],
        cwd=cwd,
        env=known,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let whatever command is called raise ``error``."""

    def handler(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(parser, "parse", lambda _: argparse.Namespace(handler=handler))


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is an answer: exit code 0, on standard output."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in ("run", "check", "status", "why", "pause", "resume"))
    assert "exit codes: 0 done" in shown


def test_help_imports_no_command(tmp_path: Path) -> None:
    """The list of commands is quick: no library of the daemon is loaded for it."""
    code = "import sys; from p2pbot.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stderr.split("'"))
    assert not loaded & {"aiohttp", "websockets", "pydantic", "structlog", "yaml", "asyncio", "p2pbot.cli.run"}


@pytest.mark.parametrize("command", [name for name, module, _ in parser.COMMANDS if find_spec(module)])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help says what it does."""
    assert main([command, "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


@pytest.mark.parametrize("command", ["run", "check", "status", "why", "pause", "resume"])
def test_a_commands_help_tells_its_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts can rely on them; the common options stand in each help."""
    main([command, "--help"])
    shown = capsys.readouterr().out
    assert "exit codes:" in shown
    assert "--config FILE" in shown


def test_a_command_that_is_not_there_yet_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others work without it."""
    monkeypatch.setattr(parser, "COMMANDS", (*parser.COMMANDS, ("later", "p2pbot.cli.later", "some day")))
    assert main(["--help"]) == 0
    assert "later" not in capsys.readouterr().out
    assert main(["later"]) == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is the package's."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("p2pbot 0.")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "a command is missing – see: p2pbot --help"),
        (["stats"], "there is no command `stats` – did you mean `status`?"),
        (["xyzzy"], "there is no command `xyzzy` – see: p2pbot --help"),
        (["status", "--jsn"], "unrecognized arguments: --jsn"),
        (["status", "--js"], "unrecognized arguments: --js"),
        (["why"], "the following arguments are required: ORDER – see: p2pbot why --help"),
        (["--config"], "argument --config: expected one argument"),
    ],
)
def test_a_wrong_command_line_is_a_sentence(
    arguments: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line on standard error, with the way on."""
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert wanted in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ConfigError("x"), 78),
        (RulesError("x"), 78),
        (StateLocked("x"), 78),
        (KeyRefused("x"), 1),
        (TimedOut("x"), 1),
        (OurError("x"), 1),
    ],
)
def test_an_error_has_its_exit_code(error: P2pbotError, code: int) -> None:
    """What a person must mend before a restart can help is 78, the command line 2, the rest 1."""
    assert exit_code(error) == code


def test_an_error_is_told_with_its_findings_and_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Findings first, the sentence last, where the eye is; no traceback."""
    failing(monkeypatch, ConfigError("two faults", remedy="mend them", findings=("a:1:1: x\n  y\n  ^", "b:2:2: z")))
    assert main(["run"]) == 78
    assert capsys.readouterr().err == "a:1:1: x\n  y\n  ^\nb:2:2: z\np2pbot: two faults – mend them\n"


def test_debug_shows_where_an_error_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The traceback comes before the sentence."""
    failing(monkeypatch, ConfigError("a fault"))
    assert main(["run", "--debug"]) == 78
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert told.endswith("p2pbot: a fault\n")


def test_a_bug_is_told_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback is what a report needs; a secret in it is gone, and control characters are escaped."""
    secret = Secret("a very secret value")
    failing(monkeypatch, RuntimeError(f"no {secret.reveal()} \x1b[2J"))
    assert main(["run"]) == 1
    told = capsys.readouterr().err
    assert "RuntimeError: no <secret> \\x1b[2J" in told
    assert "this is a bug in p2pbot" in told


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is no error of the program."""
    failing(monkeypatch, KeyboardInterrupt())
    assert main(["run"]) == 130
    assert capsys.readouterr().err == "p2pbot: stopped\n"


def test_a_reader_that_goes_away_is_no_trouble(tmp_path: Path) -> None:
    """``p2pbot --help | head -0`` ends without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("--help", cwd=tmp_path, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_without_letters_is_no_trouble(tmp_path: Path) -> None:
    """An encoding that lacks a dash shows its code."""
    done = run("status", cwd=tmp_path, environ={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert done.returncode == 78
    assert "there is no configuration: neither config.yaml nor /etc/p2pbot/config.yaml \\u2013" in done.stderr


def test_the_real_program_tells_a_wrong_configuration(tmp_path: Path) -> None:
    """Exit code 78, the place, the sentence; nothing on standard output, nothing on disk."""
    (tmp_path / "config.yaml").write_text("version: 1\naccounts:\n  - name: main\n    api_key: abcdefgh\n")
    done = run("run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("config.yaml:4:5: a secret does not stand in this file")
    assert "abcdefgh" not in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_the_real_program_tells_a_wrong_command_line(tmp_path: Path) -> None:
    """Exit code 2."""
    assert run("nonsense", cwd=tmp_path).returncode == 2


def test_no_standard_output_is_no_trouble(tmp_path: Path) -> None:
    """A program that was started without one still ends as it should."""
    done = subprocess.run(  # noqa: S602 - the shell closes the stream
        f"exec {sys.executable} -m p2pbot --version >&-",
        cwd=tmp_path,
        shell=True,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "called"),
    [([], ""), (["--debug", "run"], "run"), (["--config", "why", "run"], "run"), (["--config=x", "run"], "run")],
)
def test_the_called_command_is_found_behind_options(arguments: list[str], called: str) -> None:
    """``--config`` may stand before the command; its value is none."""
    assert parser.called_command(arguments) == called


def test_the_configuration_is_looked_for_in_order(place: Place, p2pbot: CLI) -> None:
    """``--config``, then $P2PBOT_CONFIG, then the directory."""
    assert p2pbot is not None
    given, none = argparse.Namespace(config="/a"), argparse.Namespace()
    assert config_path(given, {"P2PBOT_CONFIG": "/b"}) == Path("/a")
    assert config_path(none, {"P2PBOT_CONFIG": "/b"}) == Path("/b")
    assert config_path(none, {}) == Path("config.yaml")
    place.config.unlink()
    with pytest.raises(ConfigError, match="there is no configuration"):
        config_path(none, {})


@pytest.mark.parametrize("before", [True, False])
def test_config_may_stand_before_or_after_the_command(place: Place, p2pbot: CLI, *, before: bool) -> None:
    """Both are natural."""
    other = place.path / "other.yaml"
    place.config.rename(other)
    option = ["--config", str(other)]
    assert p2pbot(*(option if before else []), "status", *([] if before else option)) == 1
    assert p2pbot("status") == 78
