"""Pre-signed uploads: the place, the time, the signature, the manners and the limit."""

from __future__ import annotations

import json

import pytest

from p2pbot.sandbox import Fault
from p2pbot.sandbox.uploads import MOST_BYTES
from tests.sandbox.peer import CHAT, OTHER
from tests.sandbox.stage import Stage, stage

PRESIGN = f"{CHAT}/image/pre-signed-url"


def put(scene: Stage, place: str, query: str, headers: dict[str, str] | None = None, data: bytes = b"picture") -> int:
    """Upload."""
    return scene.world.put_picture(place, query, headers or {}, data, scene.now_ms)


def test_a_picture_can_be_put_and_got() -> None:
    """PUT to the URL answers 200, and the picture is at its place."""
    scene = stage()
    place, query = scene.presign()
    assert put(scene, place, query, {"content-type": "image/jpeg"}) == 200
    stored = scene.world.picture(place)
    assert stored is not None
    assert (stored.data, stored.content_type) == (b"picture", "image/jpeg")


@pytest.mark.parametrize(("later_ms", "status"), [(300_000, 200), (300_001, 403)])
def test_the_url_lives_300_seconds(later_ms: int, status: int) -> None:
    """An expired URL is refused."""
    scene = stage()
    place, query = scene.presign()
    scene.pass_ms(later_ms)
    assert put(scene, place, query) == status


def test_an_altered_url_is_refused() -> None:
    """Neither the place nor the expiry can be changed."""
    scene = stage()
    place, query = scene.presign()
    assert put(scene, place.replace("main/", "main/x"), query) == 403
    assert put(scene, place, query.replace("Expires=300", "Expires=900")) == 403
    assert put(scene, place, f"{query}&x-id=1") == 403
    assert put(scene, "nobody/x.jpg", query) == 403


def test_the_spelling_of_the_query_is_free() -> None:
    """As at S3, ``%2F`` and ``/`` are the same in a query, and the order of parameters is not signed."""
    scene = stage()
    place, query = scene.presign()
    assert "%2F" in query
    assert put(scene, place, "&".join(reversed(query.replace("%2F", "/").split("&")))) == 200


@pytest.mark.parametrize("header", ["x-mbx-apikey", "cookie", "authorization"])
def test_our_secrets_on_an_upload_are_a_violation(header: str) -> None:
    """An upload that carries our key or cookies is refused and recorded for the checker."""
    scene = stage()
    place, query = scene.presign()
    assert put(scene, place, query, {header: "x"}) == 400
    assert header in scene.world.uploads("main")[0].violation


@pytest.mark.parametrize("data", [b"", b"x" * (MOST_BYTES + 1)])
def test_an_empty_or_giant_picture_is_refused(data: bytes) -> None:
    """The size has bounds."""
    scene = stage()
    place, query = scene.presign()
    assert put(scene, place, query, data=data) == 400


@pytest.mark.parametrize("query", ["", "X-Amz-Signature=\udcff", "X-Amz-Signature=é&x=\udcff", "&&=&"])
def test_garbage_is_refused(query: str) -> None:
    """A query of garbage is 403, never an exception."""
    scene = stage()
    place, _ = scene.presign()
    assert put(scene, place, query) == 403


def test_the_oldest_pictures_make_room() -> None:
    """All pictures together have a bound."""
    scene = stage()
    places = []
    for _ in range(8):
        place, query = scene.presign()
        places.append(place)
        assert put(scene, place, query, data=b"x" * MOST_BYTES) == 200
    assert [scene.world.picture(place) is not None for place in places] == [False] * 2 + [True] * 6


@pytest.mark.parametrize("name", ["x.gif", "x", "", "../x.jpg", "jpg"])
def test_only_pictures_are_presigned(name: str) -> None:
    """jpg, jpeg and png, nothing else."""
    answer = stage().ask("POST", PRESIGN, body={"imageName": name})
    assert json.loads(answer.body)["code"] == -31002


def test_36_calls_a_minute() -> None:
    """The 37th call within a minute is 429 with Retry-After; a minute later all is well; others are not concerned."""
    scene = stage()
    for _ in range(36):
        scene.presign()
    limited = scene.ask("POST", PRESIGN, body={"imageName": "x.jpg"})
    assert (limited.status, limited.headers["Retry-After"]) == (429, "60")
    assert scene.ask("POST", PRESIGN, body={"imageName": "x.jpg"}, account=OTHER).status == 200
    scene.pass_ms(60_000)
    scene.presign()


def test_both_names_of_the_url_occur() -> None:
    """Under variety accounts get the URL as ``uploadUrl`` or as ``preSignedUrl``."""
    names = set()
    for seed in range(20):
        data = stage(seed=seed, variety=True).call("POST", PRESIGN, body={"imageName": "x.png"})["data"]
        names |= set(data) - {"imageUrl"}
    assert names == {"uploadUrl", "preSignedUrl"}


def test_an_upload_can_be_refused_held_up_or_cut_off() -> None:
    """Refused or held up it is not taken; cut off it is."""
    scene = stage()
    place, query = scene.presign()
    scene.world.inject(Fault("upload_status", status=503, count=1), scene.now_ms)
    assert put(scene, place, query) == 503
    assert scene.world.picture(place) is None
    assert scene.world.upload_stall_ms(place, scene.now_ms) == 0
    scene.world.inject(Fault("upload_stall", hold_ms=70, count=1), scene.now_ms)
    assert scene.world.upload_stall_ms(place, scene.now_ms) == 70
    scene.world.inject(Fault("upload_drop", count=1), scene.now_ms)
    assert put(scene, place, query) == 200
    assert [scene.world.upload_dropped(place, scene.now_ms) for _ in range(2)] == [True, False]
    assert not scene.world.upload_dropped("nobody/x.png", scene.now_ms)
