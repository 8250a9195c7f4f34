"""The upload of a picture as the exchange's store sees it: where it may go, and what the answer means.

Promise: an address is used only if it is encrypted and its host is one that the configuration names: the answer of a
call must not be able to send a merchant's file anywhere. Of an answer's body nothing comes out but S3's word for the
fault: a refusal repeats keys and signatures.
Source: C2C chat protocol notes, section 1, "Image upload"; Amazon S3 API reference, "Error responses".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from p2pbot.errors import ExchangeUnavailable, UploadExpired, UploadForbidden, UploadRefused
from p2pbot.secret import Secret

MAX_ANSWER_BYTES = 16 * 1024  # an S3 fault has one or two thousand
_DONE = 200
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")
_EXPIRED = re.compile(rb"request has expired|ExpiredToken|TokenRefreshRequired", re.IGNORECASE)
_MEND = "add the host to exchange.upload_hosts if it is the exchange's"


def place_of(url: Secret, hosts: Sequence[str]) -> str:
    """Return ``host:port`` of an upload address. Raises UploadForbidden for one that we do not go to.

    ``hosts``: ``name``, ``name:port`` or ``*.name``; without a port 443 is meant. ``http`` passes on loopback only,
    for an S3 server under test.
    """
    try:
        parts = urlsplit(url.reveal())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise UploadForbidden("the exchange named an address for uploads that is none") from None
    if parts.scheme not in ("https", "http") or not host or parts.username is not None or parts.password is not None:
        raise UploadForbidden("the exchange named an address for uploads that is not a plain https:// address")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UploadForbidden(f"the exchange named an address for uploads that is not encrypted ({host[:100]})")
    place = f"{host}:{port or (443 if parts.scheme == 'https' else 80)}"
    if not any(_allows(pattern.lower(), host, place) for pattern in hosts):
        raise UploadForbidden(f"pictures are not uploaded to {host[:100]}", remedy=_MEND)
    return place


def judge_answer(status: int, body: bytes, place: str) -> None:
    """Return if the picture is where it should be. Raises UploadExpired, UploadRefused, ExchangeUnavailable."""
    if status == _DONE:
        return
    found = _CODE.search(body[:MAX_ANSWER_BYTES])
    code = found[1].decode("ascii") if found else ""
    said = f"{place} answers an upload with HTTP {status}" + (f" ({code})" if code else "")
    if status in (400, 403) and _EXPIRED.search(body[:MAX_ANSWER_BYTES]):
        raise UploadExpired(f"{said}: the address is too old", code=code, status=status)
    if status >= 500 or status in (408, 429):  # noqa: PLR2004 - the server's faults, and "slow down"
        raise ExchangeUnavailable(said, code=code, status=status)
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        raise UploadRefused(f"{said}: uploads follow no redirect", code=code, status=status)
    raise UploadRefused(said, code=code, status=status)


def _allows(pattern: str, host: str, place: str) -> bool:
    if pattern.startswith("*."):
        return place.endswith(f"{pattern[1:]}:443") and len(host) > len(pattern) - 1
    if ":" in pattern and not pattern.endswith("]"):
        return place == pattern
    return place == f"{pattern.strip('[]')}:443"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
