"""The door to a directory of pictures: each file whole or not there, readable by its owner alone.

Promise: a picture is written beside its place and then renamed, mode 0600, in a directory 0700 if it was made here;
names are built by the caller of safe letters and checked again. An error is one of ours and names file and cause.
Danger: pictures of payments hold names and bank data.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from p2pbot.errors import OurError, StateUnwritable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_MOST_FILES = 100_000  # looked at; an order has tens of pictures


class PictureFolder:
    """One directory. Nothing is made before the first picture is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sizes(self) -> dict[str, int]:
        """Return the sizes of what is there, in bytes, by the name without its ending; unfinished ones do not count."""
        found: dict[str, int] = {}
        try:
            with os.scandir(self.path) as entries:
                for entry, _ in zip(entries, range(_MOST_FILES), strict=False):
                    if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                        found[entry.name.rpartition(".")[0] or entry.name] = entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unusable(self.path, error) from None
        return found

    def keep(self, name: str, data: bytes) -> Path:
        """Write a picture whole. Raises StateUnwritable; then nothing is there under its name."""
        if not _NAME.fullmatch(name):
            raise OurError("a picture was to be written under a name of other letters")
        target, draft = self.path / name, self.path / f".{name}.part"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)  # of a run that was cut off
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(target)
        except OSError as error:
            raise _unusable(target, error) from None
        return target


def _unusable(path: Path, error: OSError) -> StateUnwritable:
    why = error.strerror or "cannot be used"
    return StateUnwritable(f"{path}: {why}", remedy="make room, or mend the directory's rights")
