"""The door to the pictures that replies may still need: one file for each, named by its hash, in the state directory.

Promise: a picture is written whole (0600) before a rule that names it can speak, and read back only if it is still the
same, byte for byte: what is sent is what was checked. A picture that no rule names any more goes after three days,
long after the last reply with it; sooner if all together grow beyond their bound.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from p2pbot.errors import StateUnwritable
from p2pbot.model import Picture

KEPT_S = 3 * 86_400  # a reply waits an hour at most, a day by configuration
MOST_BYTES = 256 * 1024 * 1024  # of one account: four full sets
_MOST_READ = 64 * 1024 * 1024


class DiskShelf:
    """``ports.PictureShelf`` for one account."""

    def __init__(self, state_dir: Path, account: str) -> None:
        self._directory = state_dir / "pictures" / account

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Write the pictures that are not there yet and tidy up; the state directory exists. Raises StateUnwritable."""
        if not contents and not self._directory.exists():
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for sha256, data in contents.items():
                self._put(sha256, data)
            self._tidy(frozenset(contents))
        except OSError as error:
            why = error.strerror or "cannot be written"
            raise StateUnwritable(
                f"{self._directory}: {why}", remedy="make room, or mend the directory's rights"
            ) from None

    async def take(self, picture: Picture) -> bytes | None:
        """Return the picture's bytes, or None when they are not there or not the same."""
        return await asyncio.to_thread(self.read, picture.sha256)

    def read(self, sha256: str) -> bytes | None:
        """Return the bytes with this hash, or None."""
        try:
            with self._path(sha256).open("rb") as stream:
                data = stream.read(_MOST_READ)
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def _path(self, sha256: str) -> Path:
        return self._directory / sha256

    def _put(self, sha256: str, data: bytes) -> None:
        target, draft = self._path(sha256), self._directory / f"{sha256}.new"
        if self.read(sha256) is not None:
            os.utime(target)  # it is in use: its days begin anew
            return
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)

    def _tidy(self, in_use: frozenset[str]) -> None:
        """Remove what nobody has named for days, and the oldest of the rest beyond the bound."""
        found = [(path, path.stat()) for path in self._directory.iterdir() if path.name not in in_use]
        room = MOST_BYTES - sum(self._path(name).stat().st_size for name in in_use)
        for path, status in sorted(found, key=lambda one: -one[1].st_mtime):
            room -= status.st_size
            if room < 0 or status.st_mtime < time.time() - KEPT_S:
                path.unlink(missing_ok=True)
