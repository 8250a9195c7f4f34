"""``p2pbot completion`` makes real shells complete what there is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.cli.completion import SHELLS
from p2pbot.cli.parser import COMMANDS

CLI = Callable[..., int]
BASH = """
source "$1"
COMP_WORDS=(p2pbot {words}); COMP_CWORD={at}
_shtab_p2pbot
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def in_bash(script: Path, *words: str) -> set[str]:
    """Return what bash offers for the last word."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not on this machine")
    asked = BASH.format(words=" ".join(f"'{word}'" for word in words), at=len(words))
    done = subprocess.run([bash, "--norc", "-c", asked, "bash", str(script)], capture_output=True, check=True)  # noqa: S603 - ours
    return set(done.stdout.decode().split())


def in_fish(script: Path, *words: str) -> set[str]:
    """Return what fish offers for the last word."""
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not on this machine")
    asked = f"source {script}; complete -C 'p2pbot {' '.join(words)}'"
    done = subprocess.run([fish, "--no-config", "-c", asked], capture_output=True, check=True)  # noqa: S603 - ours
    return {line.partition("\t")[0] for line in done.stdout.decode().splitlines()}


@pytest.fixture
def script(p2pbot: CLI, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[[str], Path]:
    """Return a maker of the script's file for a shell."""

    def make(shell: str) -> Path:
        assert p2pbot("completion", shell) == 0
        path = tmp_path / f"completion.{shell}"
        path.write_text(capsys.readouterr().out, encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize(("shell", "offers"), [("bash", in_bash), ("fish", in_fish)])
def test_a_real_shell_offers_commands_their_commands_and_options(
    script: Callable[[str], Path], shell: str, offers: Callable[..., set[str]]
) -> None:
    """At each depth, and by what is begun."""
    path = script(shell)
    assert {name for name, _, _ in COMMANDS} <= offers(path, "")
    assert offers(path, "sta") == {"status"}
    assert {"check", "test", "explain"} <= offers(path, "rules", "")
    assert "--watch" in offers(path, "status", "--w")


def test_zsh_reads_its_script(script: Callable[[str], Path]) -> None:
    """Its own parser finds no fault; completion itself needs a terminal."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not on this machine")
    subprocess.run([zsh, "-n", str(script("zsh"))], check=True)  # noqa: S603 - ours


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_command(script: Callable[[str], Path], shell: str) -> None:
    """Also where the shell itself cannot be asked."""
    text = script(shell).read_text(encoding="utf-8")
    assert [name for name, _, _ in COMMANDS if name not in text] == []
