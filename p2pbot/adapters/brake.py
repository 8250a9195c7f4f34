"""The kill switch: a file ``PAUSE`` beside an account's rules silences it at once.

Promise: looked at before every decision and every write; a directory that cannot be looked at counts as paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAME = "PAUSE"


class PauseFile:
    """``ports.Brake`` by files. ``rules`` gives each account's rules directory (or file)."""

    def __init__(self, rules: Mapping[str, Path]) -> None:
        self._places = {name: (path if path.is_dir() else path.parent) / NAME for name, path in rules.items()}

    def is_set(self, account: str) -> bool:
        """Whether the account must not speak now."""
        place = self._places.get(account)
        if place is None:
            return True
        try:
            place.lstat()
        except FileNotFoundError:
            return not place.parent.is_dir()
        except OSError:
            return True
        return True
