"""Marked secrets: what the simulated exchange hands out, and the keys of its accounts, can be told in any text.

Promise: whoever asks gets the places, never the secret itself, so that the finding does not show what it found.
Danger: only what looks like the simulated exchange's secrets is known here; a secret of another shape passes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

API_KEY = "sandboxApiKey0123456789sandboxApiKey0123456789sandboxApiKey01234"
API_SECRET = "sandboxSecret0123456789sandboxSecret0123456789sandboxSecret01234"

_CREDENTIALS = re.compile(
    r"(?P<listen_token>TOKEN[0-9a-f]{8})|(?P<listen_key>c2c_[0-9a-f]{8})|(?P<presigned>X-Amz-Signature)"
    r"|(?P<signature>[?&]signature=[0-9a-f]{8})"
    + "".join(
        f"|(?P<{name}>{re.escape(text[:32])}|{re.escape(base64.b64encode(text.encode()).decode()[:40])})"
        for name, text in (("api_key", API_KEY), ("api_secret", API_SECRET))
    )
)
_PRIVATE = re.compile(r"(?P<name>SIMULATED (?:PERSON|PAYEE))|(?P<bank>0000-SIMULATED)")
_BEFORE = 120  # characters of context: the line's event is in it


def credentials_in(text: str) -> list[str]:
    """Return where keys, tokens and presigned addresses stand in a text."""
    return list(_places(_CREDENTIALS, text))


def secrets_in(text: str) -> list[str]:
    """Return where credentials, people's names and bank data stand in a text."""
    return [*credentials_in(text), *_places(_PRIVATE, text)]


def secrets_below(directory: Path, *, own: tuple[str, ...]) -> list[str]:
    """Return what may not be in the files of a daemon's directory; those that match ``own`` are left out.

    Logs and the status hold neither credentials nor private data; other files (the store keeps people's talk) no
    credentials.
    """
    found = []
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if not path.is_file() or any(name.match(pattern) or name.parts[0] == pattern for pattern in own):
            continue
        text = path.read_bytes().decode("latin-1")
        look = secrets_in if path.suffix in (".log", ".json") else credentials_in
        found += [f"{name}: {place}" for place in look(text)]
    return found


def _places(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for found in pattern.finditer(text):
        before = text[max(0, found.start() - _BEFORE) : found.start()]
        yield f"{found.lastgroup} behind {before!r}"
