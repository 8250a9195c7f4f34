"""``p2pbot init``: a start that works as it is, and that overwrites nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from secrets import token_hex

import pytest

from p2pbot.cli import EXIT_USAGE, main
from p2pbot.config import load_settings
from p2pbot.model import Mode

_NIGHT = "60-night-hours.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory in which the command is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def passes_its_own_checks(bot: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether `rules check --strict` and `rules test` are content in a directory that was made."""
    monkeypatch.chdir(bot)
    return main(["rules", "check", "--strict"]) == main(["rules", "test"]) == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--zone", "Pacific/Auckland"],
        ["--zone", "America/Los_Angeles", "--languages", "es,en"],
        ["--languages", "ru,all", "--zone", "asia/kathmandu", "--account", "shop-2"],
        ["--packs", "thanks", "--languages", "hi"],
        ["--packs", "paid-claim,greeting", "--languages", "zh ar"],
    ],
    ids=lambda options: " ".join(options) or "nothing",
)
def test_the_start_passes_its_own_checks_and_tests(
    options: list[str], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules without a warning, tests that pass, whatever is chosen."""
    assert main(["init", "bot", *options]) == 0
    assert passes_its_own_checks(here / "bot", monkeypatch)
    assert "dialogues: all pass." in capsys.readouterr().out or "dialogue: all pass." in capsys.readouterr().out


def test_the_start_sends_nothing(here: Path) -> None:
    """Shadow, by a configuration without a warning."""
    assert main(["init", str(here)]) == 0
    settings = load_settings(here / "config.yaml", {})
    assert (settings.mode, settings.accounts[0].mode, settings.warnings) == (Mode.SHADOW, Mode.SHADOW, ())


def test_with_keys_all_is_right(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`p2pbot check` has nothing to say about what was made once the keys are where they are said to go."""
    assert main(["init", "bot", "--zone", "Asia/Dubai"]) == 0
    for name in ("main.key", "main.secret"):
        path = here / "bot" / "secrets" / name
        path.write_text(token_hex(32), "utf-8")
        path.chmod(0o600)
    monkeypatch.chdir(here / "bot")
    assert main(["check"]) == 0
    assert "failed" not in capsys.readouterr().out


def test_the_account_has_the_name_that_was_given(here: Path) -> None:
    """And so have the files for its keys, in the configuration and in the words beside them."""
    assert main(["init", "--account", "shop-2"]) == 0
    (account,) = load_settings(here / "config.yaml", {}).accounts
    assert account.name == "shop-2"
    config = (here / "config.yaml").read_text("utf-8")
    assert "api_key_file: secrets/shop-2.key" in config
    assert "secrets/main" not in config
    assert "shop-2.secret" in (here / "secrets" / "README.txt").read_text("utf-8")


def test_the_first_language_is_the_first_text(here: Path) -> None:
    """It is said to those who have not written yet; other languages leave no trace in texts, words and tests."""
    assert main(["init", "--languages", "tr,en"]) == 0
    text = (here / "rules" / "10-greeting.yaml").read_text("utf-8")
    assert re.findall(r"^ +([a-z]{2}): \"", text, re.MULTILINE) == ["tr", "en", "tr", "en"]
    assert "Здравствуйте" not in "".join(path.read_text("utf-8") for path in (here / "rules").rglob("*.yaml"))


def test_night_hours_come_with_a_time_zone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody's hours are guessed; the pack can be had later."""
    assert main(["init"]) == 0
    assert "left  the pack night-hours" in capsys.readouterr().out
    assert not (here / "rules" / _NIGHT).exists()
    assert main(["init", "--zone", "Europe/Istanbul"]) == 0
    assert "zone: Europe/Istanbul" in (here / "rules" / _NIGHT).read_text("utf-8")


def test_tests_of_another_zone_that_were_kept_are_told_of(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At their hours it is night now. Deleted and made again, they pass."""
    assert main(["init"]) == 0
    assert main(["init", "--zone", "Pacific/Auckland"]) == 0
    told = re.findall(r"^note  (\S+) tells the time of another zone", capsys.readouterr().out, re.MULTILINE)
    assert "rules/tests/50-waiting.yaml" in told
    assert main(["init"]) == 0
    assert "another zone" not in capsys.readouterr().out
    for name in told:
        (here / name).unlink()
    assert main(["init", "--zone", "Pacific/Auckland"]) == 0
    assert passes_its_own_checks(here, monkeypatch)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--languages", "en,xx"], "`xx` is not a language of the packs"),
        (["--languages", ","], "name at least one"),
        (["--packs", "greetings"], "did you mean `greeting`?"),
        (["--zone", "Europe/Istambul"], "did you mean `Europe/Istanbul`?"),
        (["--account", "My Shop"], "small letters"),
        (["--packs", "night-hours"], "needs your time zone"),
    ],
)
def test_a_wrong_option_is_a_sentence_and_makes_nothing(
    options: list[str], told: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2."""
    assert main(["init", *options]) == EXIT_USAGE
    assert told in capsys.readouterr().err
    assert list(here.iterdir()) == []


def next_steps(told: str) -> list[str]:
    """Return the lines that are to be copied."""
    return [line.strip() for line in told.partition("Next:\n")[2].splitlines() if line.strip()]


def test_the_next_steps_can_be_copied(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As they stand, into a shell: what they name is there. Those that need keys or run for ever are not run here."""
    assert main(["init", "my bot"]) == 0
    steps = next_steps(capsys.readouterr().out)
    assert steps[0] == "cd 'my bot'"
    assert all(len(step) < 79 for step in steps)
    quick = [step for step in steps if not re.search(r"--online|p2pbot run |p2pbot status", step)]
    assert len(quick) == len(steps) - 3
    shell = "set -e\np2pbot() { " + f"'{sys.executable}' -m p2pbot \"$@\"; }}\n" + "\n".join(quick)
    call = ["sh", "-c", shell]
    ran = subprocess.run(call, cwd=here, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "main.secret" in ran.stdout


def test_what_is_there_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of the same name, byte for byte; the others are made."""
    (here / "config.yaml").write_text("mine\n", "utf-8")
    assert main(["init"]) == 0
    assert (here / "config.yaml").read_text("utf-8") == "mine\n"
    assert "kept  config.yaml" in capsys.readouterr().out
    assert (here / "rules" / "10-greeting.yaml").exists()


def test_a_pack_whose_rules_are_there_under_another_name_is_left_out(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same id twice would make all rules refused."""
    (here / "rules").mkdir()
    (here / "rules" / "mine.yaml").write_text(
        "version: 1\nrules:\n  - {id: paid-claim, words: paid, reply: Ok}\n", "utf-8"
    )
    assert main(["init"]) == 0
    assert "left  the pack paid-claim: its rules are in mine.yaml already" in capsys.readouterr().out
    made = {path.name for path in (here / "rules").rglob("*.yaml")}
    assert "20-how-to-pay.yaml" in made
    assert made.isdisjoint({"30-paid-claim.yaml", "90-a-sale.yaml"})
    monkeypatch.chdir(here)
    assert main(["rules", "check"]) == 0


def test_a_second_call_does_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so."""
    assert main(["init"]) == 0
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["init"]) == 0
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    shown = capsys.readouterr().out
    assert "made" not in shown
    assert "Everything was there already." in shown


def test_a_link_is_not_followed(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Even one that leads nowhere yet."""
    target = tmp_path_factory.mktemp("elsewhere") / "target"
    (here / "config.yaml").symlink_to(target)
    assert main(["init"]) == 0
    assert not target.exists()


def test_the_home_of_the_keys_is_closed_to_others(here: Path) -> None:
    """And no commit takes it along."""
    assert main(["init"]) == 0
    assert (here / "secrets").stat().st_mode & 0o077 == 0
    assert (here / "secrets" / "README.txt").stat().st_mode & 0o077 == 0
    assert "/secrets/" in (here / ".gitignore").read_text("utf-8").splitlines()


def test_every_rule_file_names_the_schema_beside_it(here: Path) -> None:
    """So that an editor helps at once."""
    assert main(["init", "--zone", "UTC"]) == 0
    assert json.loads((here / "rules.schema.json").read_text("utf-8"))["title"] == "p2pbot rule file"
    files = list((here / "rules").rglob("*.yaml"))
    assert len(files) == 17
    for path in files:
        first, second, *_ = path.read_text("utf-8").splitlines()
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == (here / "rules.schema.json").resolve()
        assert second.startswith("# ")


def test_a_place_that_cannot_be_written_is_a_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78."""
    (here / "file").write_text("", "utf-8")
    assert main(["init", "file"]) == 78
    assert "file" in capsys.readouterr().err


def on_a_terminal(place: Path, typed: str, *options: str) -> tuple[int, str]:
    """Call the command with a terminal of its own, type into it, and return the exit code and what it showed."""
    ours, theirs = pty.openpty()
    call = [sys.executable, "-m", "p2pbot", "init", *options]
    environ = {**os.environ, "TZ": "Asia/Dubai", "TERM": "dumb"}
    with subprocess.Popen(call, cwd=place, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:  # noqa: S603 - our own command
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed, which Linux tells so
                break
            if not part:
                break
            shown += part
    os.close(ours)
    return process.returncode, shown.decode()


def test_on_a_terminal_enter_takes_the_defaults(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four questions; night hours in the machine's zone."""
    code, shown = on_a_terminal(here, "\n\n\n\n", "bot")
    assert code == 0, shown
    assert shown.count("]: ") == 4
    assert "zone: Asia/Dubai" in (here / "bot" / "rules" / _NIGHT).read_text("utf-8")
    assert passes_its_own_checks(here / "bot", monkeypatch)


def test_on_a_terminal_a_wrong_answer_is_asked_again(here: Path) -> None:
    """And what the command line says is not asked."""
    typed = "My Shop\nshop-2\ngreeting, nigth-hours\ngreeting night-hours\n-\n"
    code, shown = on_a_terminal(here, typed, "--languages", "ru")
    assert code == 0, shown
    assert "small letters" in shown
    assert "did you mean `night-hours`?" in shown
    assert "languages" not in shown
    assert {path.name for path in (here / "rules").glob("*.yaml")} == {"10-greeting.yaml"}


def test_on_a_terminal_nothing_is_made_when_the_answers_end(here: Path) -> None:
    """Ctrl-D, and the way without questions is named."""
    code, shown = on_a_terminal(here, "main\n\x04", "bot")
    assert code == EXIT_USAGE
    assert "nothing was made" in shown
    assert "--yes" in shown
    assert not (here / "bot").exists()


def test_on_a_terminal_yes_asks_nothing(here: Path) -> None:
    """As a pipe does."""
    code, shown = on_a_terminal(here, "", "bot", "--yes")
    assert code == 0
    assert "]: " not in shown
