"""The names of fetched pictures: made of time and message id, of safe letters, never of a word from outside.

Promise: two messages never share a name, and the same message always has the same: a second run knows what is there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import blake2s

from p2pbot.model import ChatMessage

_SAFE = re.compile(r"[A-Za-z0-9-]{1,64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


def picture_name(message: ChatMessage) -> str:
    """Return ``20231231T182926Z-972316320597789953``: UTC time and id, without an ending.

    An id that is not of plain letters and digits is cleaned, cut, and told apart by a part of its hash.
    """
    moment = datetime.fromtimestamp(message.created_at_ms // 1000, UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{safe_id(_identity(message))}"


def safe_id(text: str) -> str:
    """Return an id as part of a file's name."""
    if _SAFE.fullmatch(text):
        return text
    digest = blake2s(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{_UNSAFE.sub('', text)[:40] or 'x'}_{digest}"


def _identity(message: ChatMessage) -> str:
    if message.message_id or message.uuid:
        return message.message_id or message.uuid
    return f"url:{message.image.image_url if message.image else ''}"
