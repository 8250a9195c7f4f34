"""The door to the last rules that were good, one file for each account in the state directory.

Promise: a copy is replaced whole (0600), and only by rules that had loaded; one that cannot be read counts as none.
Danger: it is a copy of what the merchant wrote, texts included; it is read when the rules themselves do not load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from p2pbot.errors import StateUnwritable

MAX_BYTES = 64 * 1024 * 1024  # 200 files of 256 KiB, as the loader takes them, quoted as JSON


class LastGood:
    """Copies of rule files by account."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def keep(self, account: str, files: Mapping[str, str]) -> None:
        """Replace the account's copy; the directory exists. Raises StateUnwritable."""
        target, draft = self._path(account), self._path(account).with_suffix(".new")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(dict(files), stream, ensure_ascii=True)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(target)
        except OSError as error:
            why = error.strerror or "cannot be written"
            raise StateUnwritable(f"{target}: {why}", remedy="make room, or mend the directory's rights") from None

    def kept(self, account: str) -> dict[str, str] | None:
        """Return the account's copy, or None."""
        try:
            with self._path(account).open("rb") as stream:
                data = json.loads(stream.read(MAX_BYTES))
        except (OSError, ValueError):
            return None
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
            return None
        return data

    def _path(self, account: str) -> Path:
        return self._state_dir / f"rules-{account}.json"
