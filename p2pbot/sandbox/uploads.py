"""Picture uploads: query-presigned URLs in the manner of AWS Signature V4, their verification, and the pictures.

Promise: an upload passes only with an untouched, unexpired URL, the method PUT, and without our API key, cookies or an
Authorization header; each breach is recorded. The 36 calls a minute per user are kept.
Source: C2C chat notes section 1, "Image upload". The largest size is unknown; here it is 10 MiB.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from p2pbot.sandbox.chance import hex_text
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.records import UploadSeen
from p2pbot.sandbox.state import Account, State

MOST_BYTES = 10 * 1024 * 1024
_MOST_STORED_BYTES = 64 * 1024 * 1024  # of all pictures; the oldest make room
_MOST_PLACES = 10_000  # that an image frame may name; their bytes may be gone by then
_DATE = "%Y%m%dT%H%M%SZ"
_MINUTE_MS = 60_000
_FORBIDDEN = ("x-mbx-apikey", "cookie", "authorization")
_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """An uploaded picture."""

    data: bytes = field(repr=False)
    content_type: str


class Uploads:
    """Presigned places and what was put there."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._secret = hex_text(state.rng, 64)
        self.pictures: dict[str, StoredPicture] = {}

    def wait_s(self, account: Account, now_ms: int) -> int:
        """Return 0 if the account may presign now, else the seconds to wait."""
        recent = [at_ms for at_ms in account.presigned_ms if now_ms - at_ms < _MINUTE_MS]
        if len(recent) < self._state.options.presigns_per_minute:
            return 0
        return max(1, -(-(recent[0] + _MINUTE_MS - now_ms) // 1000))

    def presign(self, account: Account, image_name: str, now_ms: int) -> dict[str, str]:
        """Return the REST call's ``data``. Raises ValueError for a name that is not of a picture."""
        extension = image_name.rpartition(".")[2].lower()
        if "." not in image_name or "/" in image_name or extension not in _TYPES:
            raise ValueError("imageName is not a jpg, jpeg or png")
        account.presigned_ms.append(now_ms)
        place = f"{account.spec.name}/{hex_text(self._state.rng, 32)}.{extension}"
        parameters = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": "SIMULATED/p2pbot-sandbox/s3/aws4_request",
            "X-Amz-Date": datetime.fromtimestamp(self._state.exchange_ms(now_ms) / 1000, UTC).strftime(_DATE),
            "X-Amz-Expires": str(self._state.options.upload_life_ms // 1000),
            "X-Amz-SignedHeaders": "host",
        }
        query = urlencode(parameters)
        url = f"{self._state.rest_url}/upload/{place}?{query}&X-Amz-Signature={self._sign(place, parameters)}"
        return {account.upload_key: url, "imageUrl": f"{self._state.rest_url}/image/{place}"}

    def _sign(self, place: str, parameters: Mapping[str, str]) -> str:
        """Sign the sorted, decoded parameters: as at S3, a client may spell ``/`` as ``%2F`` or not."""
        canonical = urlencode(sorted(parameters.items()), errors="surrogateescape")
        return hmac.new(
            self._secret.encode(), f"PUT\n{place}\n{canonical}".encode("utf-8", "replace"), hashlib.sha256
        ).hexdigest()

    def put(self, place: str, raw_query: str, headers: Mapping[str, str], data: bytes, now_ms: int) -> int:
        """Take an upload and return the HTTP status. ``headers`` have lower-case names."""
        account = self._state.accounts.get(place.partition("/")[0])
        if account is None:
            return 403
        status, violation = self._judge(place, raw_query, headers, data, now_ms)
        fault = self._strike("upload_status", account, now_ms)
        if fault:
            status, violation = fault.number("status"), violation or "upload_status"
        if status == 200:  # noqa: PLR2004 – HTTP's OK
            self._store(place, data)
        seen = UploadSeen(
            at_ms=now_ms,
            account=account.spec.name,
            status=status,
            size=len(data),
            content_type=headers.get("content-type", ""),
            violation=violation,
        )
        account.uploads.append(seen)
        return status

    def stall_ms(self, place: str, now_ms: int) -> int:
        """Return how long an upload hangs, which is not taken then; 0 = it does not."""
        account = self._state.accounts.get(place.partition("/")[0])
        fault = self._strike("upload_stall", account, now_ms) if account else None
        return fault.number("hold_ms") if fault else 0

    def is_dropped(self, place: str, now_ms: int) -> bool:
        """Whether the connection is reset instead of the answer."""
        account = self._state.accounts.get(place.partition("/")[0])
        return account is not None and self._strike("upload_drop", account, now_ms) is not None

    def _strike(self, name: str, account: Account, now_ms: int) -> Fault | None:
        return self._state.faults.strike(name, now_ms, self._state.rng, account=account.spec.name)

    def _judge(
        self, place: str, raw_query: str, headers: Mapping[str, str], data: bytes, now_ms: int
    ) -> tuple[int, str]:
        parameters = dict(parse_qsl(raw_query, keep_blank_values=True))
        signature = parameters.pop("X-Amz-Signature", "")
        if not hmac.compare_digest(self._sign(place, parameters).encode(), signature.encode("utf-8", "replace")):
            return 403, "signature"
        signed_at = datetime.strptime(parameters["X-Amz-Date"], _DATE).replace(tzinfo=UTC)
        age_ms = self._state.exchange_ms(now_ms) - round(signed_at.timestamp() * 1000)
        if age_ms > int(parameters["X-Amz-Expires"]) * 1000:
            return 403, "expired"
        forbidden = [name for name in _FORBIDDEN if name in headers]
        if forbidden:
            return 400, f"the upload carried {', '.join(forbidden)}"
        return (200, "") if 0 < len(data) <= MOST_BYTES else (400, "size")

    def _stored_bytes(self) -> int:
        return sum(len(picture.data) for picture in self.pictures.values())

    def _store(self, place: str, data: bytes) -> None:
        while self.pictures and self._stored_bytes() + len(data) > _MOST_STORED_BYTES:
            self.pictures.pop(next(iter(self.pictures)))
        extension = place.rpartition(".")[2]
        self.pictures[place] = StoredPicture(data, _TYPES[extension])
        self._state.placed[place] = None
        if len(self._state.placed) > _MOST_PLACES:
            self._state.placed.pop(next(iter(self._state.placed)))
