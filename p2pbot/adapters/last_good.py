"""The door to the last rules that were good, one file for each account in the state directory.

Promise: a copy is replaced whole (0600), and only by rules that had loaded; one that cannot be read counts as none. The
pictures that the rules name lie on the account's shelf, and the copy says which they are.
Danger: it is a copy of what the merchant wrote, texts included; it is read when the rules themselves do not load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from p2pbot.adapters.picture_shelf import DiskShelf
from p2pbot.errors import StateUnwritable
from p2pbot.model import Picture, PictureKind
from p2pbot.rules.pictures import PictureName, ReadPictures

MAX_BYTES = 64 * 1024 * 1024  # 200 files of 256 KiB, as the loader takes them, quoted as JSON


class LastGood:
    """Copies of rule files by account."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def keep(self, account: str, files: Mapping[str, str], pictures: ReadPictures) -> None:
        """Replace the account's copy and put its pictures on the shelf. Raises StateUnwritable."""
        DiskShelf(self._state_dir, account).keep(pictures.contents)
        data = {"files": dict(files), "pictures": [_row(name, one) for name, one in pictures.sound.items()]}
        target, draft = self._path(account), self._path(account).with_suffix(".new")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(data, stream, ensure_ascii=True)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(target)
        except OSError as error:
            why = error.strerror or "cannot be written"
            raise StateUnwritable(f"{target}: {why}", remedy="make room, or mend the directory's rights") from None

    def kept(self, account: str) -> tuple[dict[str, str], dict[PictureName, Picture]] | None:
        """Return the account's copy and its pictures, as far as they are still on the shelf, or None."""
        try:
            with self._path(account).open("rb") as stream:
                data = json.loads(stream.read(MAX_BYTES))
        except (OSError, ValueError):
            return None
        written = isinstance(data, dict) and isinstance(data.get("files"), dict)
        files = data["files"] if written else data  # before there were pictures, the files stood alone
        if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
            return None
        shelf = DiskShelf(self._state_dir, account)
        try:
            pictures = dict(map(_picture, data["pictures"])) if written else {}
        except (KeyError, TypeError, ValueError):
            return None
        return files, {name: one for name, one in pictures.items() if shelf.read(one.sha256) is not None}

    def _path(self, account: str) -> Path:
        return self._state_dir / f"rules-{account}.json"


def _row(name: PictureName, picture: Picture) -> list[object]:
    return [name.file, name.path, picture.sha256, picture.kind.value, picture.width, picture.height]


def _picture(row: object) -> tuple[PictureName, Picture]:
    """Read a row of ours back. Raises ValueError for anything else."""
    match row:
        case [str(file), str(path), str(sha256), str(kind), int(width), int(height)]:
            name = PictureName(file, path)
            return name, Picture(name=path, sha256=sha256, kind=PictureKind(kind), width=width, height=height)
    raise ValueError("not a row of pictures")
