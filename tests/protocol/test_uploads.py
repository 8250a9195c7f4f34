"""Where pictures may be uploaded to, and what the answer means."""

from __future__ import annotations

import pytest

from p2pbot.errors import ExchangeError, ExchangeUnavailable, UploadExpired, UploadForbidden, UploadRefused
from p2pbot.protocol.picture_places import PicturePlaces, Place
from p2pbot.protocol.uploads import USUAL_UPLOAD_HOSTS, checked_place, judge_answer

PLACES = PicturePlaces(USUAL_UPLOAD_HOSTS, Place("https", "127.0.0.1", 8443))


def fault(code: str, message: str) -> bytes:
    """Return S3's answer, with what it repeats of the request."""
    said = f"<Code>{code}</Code><Message>{message}</Message>"
    return (
        f"<Error>{said}<AWSAccessKeyId>CANARYKEY</AWSAccessKeyId><StringToSign>CANARY</StringToSign></Error>".encode()
    )


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (Place("https", "bucket.s3.ap-northeast-1.amazonaws.com", 443), "bucket.s3.ap-northeast-1.amazonaws.com:443"),
        (Place("https", "127.0.0.1", 8443), "127.0.0.1:8443"),
    ],
)
def test_the_hosts_of_the_configuration_are_uploaded_to(place: Place, told: str) -> None:
    """And the exchange's own."""
    assert checked_place(place, PLACES) == told


@pytest.mark.parametrize(
    "place",
    [
        Place("http", "bucket.s3.amazonaws.com", 80),
        Place("https", "amazonaws.com.evil.example", 443),
        Place("https", "evil.example", 443),
        Place("https", "169.254.169.254", 443),
        Place("https", "127.0.0.1", 9),
        Place("https", "s3.amazonaws.com", 8443),
        Place("https", "s3.amazonaws.com", 443, has_user=True),
        Place("file", "", None),
        Place("https", "", 443),
    ],
)  # fmt: skip
def test_to_any_other_place_nothing_is_sent(place: Place) -> None:
    """The answer of a call must not be able to send a merchant's file anywhere."""
    with pytest.raises(UploadForbidden) as caught:
        checked_place(place, PLACES)
    assert "upload_hosts" in str(caught.value)


def test_200_is_done() -> None:
    """Nothing else is."""
    judge_answer(200, b"", "h:443")


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, fault("AccessDenied", "Request has expired"), UploadExpired, "AccessDenied"),
        (400, fault("AccessDenied", "Request has expired"), UploadExpired, "AccessDenied"),
        (400, fault("ExpiredToken", "x"), UploadExpired, "ExpiredToken"),
        (403, fault("SignatureDoesNotMatch", "x"), UploadRefused, "SignatureDoesNotMatch"),
        (400, fault("EntityTooLarge", "x"), UploadRefused, "EntityTooLarge"),
        (413, b"", UploadRefused, ""),
        (307, fault("TemporaryRedirect", "x"), UploadRefused, "TemporaryRedirect"),
        (204, b"", UploadRefused, ""),
        (404, b"<Code>" + b"x" * 99 + b"</Code>", UploadRefused, ""),
        (503, fault("SlowDown", "x"), ExchangeUnavailable, "SlowDown"),
        (500, b"\xff\x00", ExchangeUnavailable, ""),
        (408, b"", ExchangeUnavailable, ""),
    ],
)
def test_any_other_answer_is_an_error_by_its_kind(
    status: int, body: bytes, kind: type[ExchangeError], code: str
) -> None:
    """With S3's word for it and the status, and nothing of what the answer repeats."""
    with pytest.raises(ExchangeError) as caught:
        judge_answer(status, body, "h:443")
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.status) == (code, status)
    assert "CANARY" not in str(caught.value)
