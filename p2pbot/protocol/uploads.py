"""The upload of a picture as the exchange's store sees it: where it may go, and what the answer means.

Promise: an address is used only if it is encrypted and its host is one that the configuration names: the answer of a
call must not be able to send a merchant's file anywhere. Of an answer's body nothing comes out but S3's word for the
fault: a refusal repeats keys and signatures.
Source: C2C chat protocol notes, section 1, "Image upload"; Amazon S3 API reference, "Error responses".
"""

from __future__ import annotations

import re

from p2pbot.errors import ExchangeUnavailable, UploadExpired, UploadForbidden, UploadRefused
from p2pbot.protocol.picture_places import PicturePlaces, Place

USUAL_UPLOAD_HOSTS = ("*.amazonaws.com",)  # the guide shows a store of Amazon's; the address comes from the exchange
MAX_ANSWER_BYTES = 16 * 1024  # an S3 fault has one or two thousand
_DONE = 200
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")
# Amazon's words, and those of two other servers that were tried (tests/contracts/test_uploader.py).
_EXPIRED = re.compile(
    rb"request has expired|ExpiredToken|TokenRefreshRequired|RequestTimeTooSkewed|url expired|"
    rb"difference between the request time and the server",
    re.IGNORECASE,
)


def checked_place(place: Place, places: PicturePlaces) -> str:
    """Return ``host:port`` of an upload address. Raises UploadForbidden for one that we do not go to."""
    refusal = places.refusal(place)
    if refusal or not place.host:
        why = refusal.replace("picture_hosts", "upload_hosts") or "it names no host"
        raise UploadForbidden(
            f"the exchange named {place.host[:100] or 'no host'} for an upload, and nothing was sent there: {why}",
            remedy="add the host to exchange.upload_hosts if it is the exchange's",
        )
    return f"{place.host}:{place.port}"


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
