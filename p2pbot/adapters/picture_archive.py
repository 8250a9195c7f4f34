"""The archive of received pictures: a directory for each order below the state directory, with a bound and an end.

Promise: files are whole, 0600, in directories 0700; what is older than its retention is deleted, and beyond the room
for all of them the oldest go first. It works in a thread of its own: the loop waits for no disk.
Danger: pictures of payments hold names and bank data. Nothing else is deleted here: only files below the archive that
have the name of a picture.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from p2pbot.adapters.picture_folder import PictureFolder
from p2pbot.errors import StateUnwritable
from p2pbot.protocol.picture_names import safe_id
from p2pbot.protocol.pictures import read_picture

_PICTURE = re.compile(r"[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9_-]{1,80}\.[a-z]{3,4}")
_DRAFT = re.compile(rf"\.{_PICTURE.pattern}\.part")
_MOST_FILES = 200_000  # looked at; the room is full long before


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file of the archive."""

    path: Path
    changed_ms: int
    size: int


class DiskArchive:
    """``ports.PictureArchive`` for one account. Use it from one task."""

    def __init__(self, root: Path, *, keep_ms: int, most_bytes: int) -> None:
        self._root = root
        self._keep_ms = keep_ms
        self._most_bytes = most_bytes
        self._used_bytes: int | None = None
        self._lock = asyncio.Lock()

    async def has(self, order_no: str, name: str) -> bool:
        """Whether a picture of this name is there."""
        async with self._lock:
            sizes = await asyncio.to_thread(self._folder(order_no).sizes)
        return name in sizes

    async def keep(self, order_no: str, name: str, data: bytes) -> None:
        """Write a picture under the ending that its bytes have."""
        async with self._lock:
            await asyncio.to_thread(self._keep, order_no, name, data)

    async def prune(self, now_ms: int) -> int:
        """Delete what is too old, and directories that are empty."""
        async with self._lock:
            return await asyncio.to_thread(self._prune, now_ms)

    def _folder(self, order_no: str) -> PictureFolder:
        return PictureFolder(self._root / safe_id(order_no))

    def _keep(self, order_no: str, name: str, data: bytes) -> None:
        self._make_root()
        if self._used_bytes is None:
            self._used_bytes = sum(kept.size for kept in self._all())
        if self._used_bytes + len(data) > self._most_bytes:
            self._make_room(len(data))
        self._folder(order_no).keep(f"{name}.{read_picture(data).suffix}", data)
        self._used_bytes += len(data)

    def _make_root(self) -> None:
        try:
            self._root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # its mode is for the last part alone
            self._root.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unusable(self._root, error) from None

    def _make_room(self, wanted: int) -> None:
        """Delete the oldest until ``wanted`` bytes fit; a tenth more, so that this is seldom."""
        goal = self._most_bytes - wanted - self._most_bytes // 10
        used = 0
        for kept in sorted(self._all(), key=lambda kept: -kept.changed_ms):
            used += kept.size
            if used > goal:
                used -= kept.size
                _delete(kept.path)
        self._used_bytes = used

    def _prune(self, now_ms: int) -> int:
        old = [kept for kept in self._all() if kept.changed_ms < now_ms - self._keep_ms]
        for kept in old:
            _delete(kept.path)
        self._used_bytes = None
        for folder in _folders(self._root):
            if not any(_listed(folder)):
                folder.rmdir()
        return len(old)

    def _all(self) -> Iterator[_Kept]:
        """Yield the pictures and left drafts below the root, at most so many."""
        found = (path for folder in _folders(self._root) for path in _listed(folder))
        for path, _ in zip(found, range(_MOST_FILES), strict=False):
            if not (_PICTURE.fullmatch(path.name) or _DRAFT.fullmatch(path.name)) or path.is_symlink():
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            yield _Kept(path, status.st_mtime_ns // 1_000_000, status.st_size)


def forget_pictures(root: Path, order_no: str) -> int:
    """Delete the pictures of one order from an account's archive; return how many. Raises StateUnwritable."""
    folder = root / safe_id(order_no)
    if folder.is_symlink():
        return 0
    found = [path for path in _listed(folder) if _PICTURE.fullmatch(path.name) or _DRAFT.fullmatch(path.name)]
    for path in found:
        _delete(path)
    with suppress(OSError):  # something else lies in it, or there was none
        folder.rmdir()
    return len(found)


def _folders(root: Path) -> list[Path]:
    return [path for path in _listed(root) if path.is_dir() and not path.is_symlink()]


def _listed(folder: Path) -> list[Path]:
    """Return what lies in a directory; one that is not there is empty. Raises StateUnwritable."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(folder, error) from None


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> StateUnwritable:
    return StateUnwritable(f"{path}: {error.strerror or 'cannot be used'}", remedy="mend the directory's rights")
