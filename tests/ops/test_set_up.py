"""requirements/venv.sh chooses an interpreter, and says so in a sentence when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "awk", "cat", "dirname", "git", "ls", "rm", "sed", "sort", "touch")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the few tools that the script may use, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"this machine has no {tool}"
        (folder / tool).symlink_to(os.path.realpath(found))
    return folder


def put_python(folder: Path, name: str, says: str) -> None:
    """Put a stand-in for an interpreter there: asked for its version it ``says`` that, or fails if it says nothing."""
    python = folder / name
    python.write_text(f"#!/bin/sh\n[ -n '{says}' ] && echo '{says}'\n")
    python.chmod(0o755)


def venv_sh(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script with that PATH alone."""
    script = [str(path / "sh"), str(ROOT / "requirements/venv.sh"), *arguments]
    return subprocess.run(script, env={"PATH": str(path)}, check=False, capture_output=True, text=True)  # noqa: S603 - our own script


def test_newest_suitable_interpreter_comes_first(path: Path) -> None:
    """Whatever plain ``python3`` is, the newest that p2pbot runs on is chosen; others stay in the list."""
    put_python(path, "python3", "3.11")
    put_python(path, "python3.12", "3.12")
    put_python(path, "python3.13", "3.13")
    assert venv_sh(path, "pythons").stdout.splitlines() == [
        f"3.13 {path}/python3.13",
        f"3.12 {path}/python3.12",
        f"3.11 {path}/python3",
    ]


def test_interpreter_that_does_not_work_is_passed_over(path: Path) -> None:
    """One that is too old, broken, or without venv fails its own question and is not chosen."""
    put_python(path, "python3.13", "")
    put_python(path, "python3", "3.12")
    assert venv_sh(path, "pythons").stdout == f"3.12 {path}/python3\n"


def test_no_interpreter_is_a_sentence(path: Path, tmp_path: Path) -> None:
    """Without a suitable Python nothing is made, and the message names what to install."""
    put_python(path, "python3", "")
    done = venv_sh(path, "make", str(tmp_path / "venv"), "run")
    assert done.returncode == 1
    assert done.stderr.startswith("p2pbot needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found.")
    assert not (tmp_path / "venv").exists()
