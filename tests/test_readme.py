"""What the documents tell people to type is typed by CI, and what they point to is there.

A ``console`` block holds command lines (``$ …``) and may show output. A ``make`` line must be one of .ci/run's own; a
``p2pbot`` line is run here, from the top of the repository, and every line of output shown must be in what it prints.
A command that can be run by neither (it never ends, it needs a key) is named below with the test that runs its like.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[!.]*/README.md")])
BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!\w+:)(?P<target>[^)#\s]+)(?:#[^)]*)?\)")
SHELLS = {"sh", "bash", "shell", "zsh", "shell-session", "terminal"}
DEADLINE_S = 60

# Command → the file that shows that it works. Keep it short.
EXECUTED_ELSEWHERE: dict[str, str] = {}


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the body of each fenced block."""
    for found in BLOCK.finditer(text):
        yield found["kind"].strip(), found["body"]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command line of the ``console`` blocks with the lines of output shown under it."""
    for kind, body in blocks(text):
        if kind == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command.strip(), [line for line in output.splitlines() if line.strip()]


ALL_COMMANDS = [
    pytest.param(command, output, id=f"{document.relative_to(ROOT)}: {command}")
    for document in DOCUMENTS
    for command, output in commands(document.read_text("utf-8"))
]


def run_by_ci() -> set[str]:
    """Return the ``make`` words of .ci/run's own lines."""
    lines = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    return {" ".join(line.split()[:2]) for line in lines if line.startswith("make ")}


@pytest.mark.parametrize(("command", "output"), ALL_COMMANDS)
def test_command_in_a_document_is_executed(command: str, output: list[str]) -> None:
    """No document tells people to type what nothing has ever run."""
    program, *arguments = shlex.split(command)
    if command in EXECUTED_ELSEWHERE:
        assert (ROOT / EXECUTED_ELSEWHERE[command]).is_file()
    elif program == "make":
        assert command in run_by_ci()
    else:
        assert program == "p2pbot", f"nothing runs {command!r}"
        printed = run_p2pbot(arguments)
        assert not [line for line in output if line.strip() not in printed]


def run_p2pbot(arguments: list[str]) -> str:
    """Run the command line from the top of the repository and return what it printed; it must succeed."""
    argv = [sys.executable, "-c", "import sys; from p2pbot.cli import main; sys.exit(main())", *arguments]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=DEADLINE_S)  # noqa: S603 - our own documents' lines
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readme_opens_with_two_commands() -> None:
    """Whoever comes needs two words: one to see it, one to trust it."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert [command for command, _ in commands(text)][:2] == ["make demo", "make test"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_command_hides_in_an_unchecked_block(document: Path) -> None:
    """A block of shell lines is a ``console`` block, or nothing would run it; it has at least one ``$`` line."""
    for kind, body in blocks(document.read_text("utf-8")):
        assert kind not in SHELLS, f"make it a console block: {body!r}"
        assert kind != "console" or "$ " in body


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Each link to a file of this repository finds it."""
    targets = {found["target"] for found in LINK.finditer(document.read_text("utf-8"))}
    assert not [target for target in targets if not (document.parent / target).exists()]


def test_commands_are_found_with_their_output() -> None:
    """The reader of these documents sees each command and what is shown under it, and nothing of other blocks."""
    text = "```console\n$ make demo\n$ p2pbot rules list\ngreeting\n\n  thanks\n```\n```yaml\n$ no\n```\n"
    assert list(commands(text)) == [("make demo", []), ("p2pbot rules list", ["greeting", "  thanks"])]


def test_an_unrun_command_is_refused() -> None:
    """A command that neither CI nor this file runs fails."""
    with pytest.raises(AssertionError):
        test_command_in_a_document_is_executed("make coffee", [])
    with pytest.raises(AssertionError):
        test_command_in_a_document_is_executed("curl something", [])
