"""The linters that ``make linters`` installs beside the environment: too large for the lock, needed for files only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PLACE = ROOT / ".venv-linters/bin"


def lint(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a linter. Skips where it is not installed."""
    found = shutil.which(name, path=str(_PLACE)) or shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here (make linters)")
    return subprocess.run([found, *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - a linter
