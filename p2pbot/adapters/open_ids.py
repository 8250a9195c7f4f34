"""The door to the merchant's file of open ids: looked at before every decision, read again when it has changed.

Promise: a file that is missing or wrong means that nobody is known, and never harms a decision; it is said once for
each change. A line is added whole or not at all.
Danger: the file says who a customer is. Log lines name the file and the line, never what stands there.
"""

from __future__ import annotations

import os
from pathlib import Path

from p2pbot.config.open_ids import MAX_BYTES, OpenIds, checked_open_ids, parse_open_ids, with_order
from p2pbot.errors import ConfigError
from p2pbot.ports import Events

Stamp = tuple[int, int, int]


class OpenIdTable:
    """``ports.Customers`` by a file."""

    def __init__(self, path: Path, account: str, events: Events) -> None:
        self._path = path
        self._account = account
        self._events = events
        self._stamp: Stamp | None = None
        self._known = OpenIds()

    def open_id(self, order_no: str, nickname: str) -> str:
        """Return whose an order is, '' when that is not known."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._known = OpenIds() if stamp is None else self._read()
        return self._known.find(order_no, nickname)

    def _read(self) -> OpenIds:
        try:
            found = parse_open_ids(read_text(self._path), str(self._path))
        except ConfigError as error:
            self._events.warning("open_ids_refused", account=self._account, what=error.what)
            return OpenIds()
        if isinstance(found, OpenIds):
            return found
        place = found[0].position
        self._events.warning("open_ids_refused", account=self._account, file=str(self._path), line=place.line)
        return OpenIds()


def load_open_ids(path: Path) -> OpenIds:
    """Return the file's table. Raises ConfigError with all findings."""
    return checked_open_ids(read_text(path), str(path))


def remember_order(path: Path, order_no: str, open_id: str) -> None:
    """Add to the file whose an order is; a new file is for its owner alone. Raises ConfigError and UsageError."""
    text = read_text(path)
    longer = with_order(text, str(path), order_no, open_id)
    if longer == text:
        return
    draft = path.with_name(f".{path.name}.new")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(longer)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", remedy="check its directory's rights"
        ) from None


def read_text(path: Path) -> str:
    """Return the file's text; a file that is not there says nothing. Raises ConfigError in plain words."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise ConfigError(f"{path} cannot be read: {reason}", remedy="check open_ids in the configuration") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} has more than {MAX_BYTES // 1024} KiB", remedy="delete its oldest lines")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", remedy="save the file as UTF-8") from None


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
