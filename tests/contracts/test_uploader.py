"""The door for uploads against the simulated exchange and two real S3 servers: what a signature allows, and no more.

``presigned`` is made by Amazon's own library for the real servers, so our idea of it is not tested against itself.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from yarl import URL

from p2pbot.adapters.picture_fetch import place_of
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.upload import PictureUploader, open_upload_session
from p2pbot.errors import ExchangeError, UploadExpired, UploadRefused
from p2pbot.model import Picture, PictureKind
from p2pbot.protocol.picture_places import PicturePlaces
from p2pbot.sandbox import Sandbox, SandboxAccount, SandboxOptions
from p2pbot.secret import Secret
from tests.fakes.pictures import JPEG, png
from tests.fakes.s3 import S3, nanio, rclone

PNG = Picture(name="a.png", sha256="0" * 64, kind=PictureKind.PNG, width=8, height=6)
EXPIRY_S = 15.0  # an address of one second must have expired by then


class Place(ABC):
    """Somewhere to upload to."""

    url: str
    ca_file: Path | None = None

    @abstractmethod
    def presigned(self, name: str, life_s: int = 300) -> str:
        """Return an address to PUT a picture to."""

    @abstractmethod
    def holds(self, address: str) -> bytes | None:
        """Return what lies where ``address`` points, or None."""

    async def put(self, address: str, data: bytes, picture: Picture = PNG) -> None:
        """Upload through the door under test."""
        async with open_upload_session(client_context(self.ca_file)) as session:
            places = PicturePlaces(own=place_of(self.url))
            await PictureUploader(session, places, timeout_s=10.0).put(Secret(address), picture, data)


class RealPlace(Place):
    """A server that verifies signatures."""

    def __init__(self, server: S3) -> None:
        self.url = server.url
        self.server = server

    def presigned(self, name: str, life_s: int = 300) -> str:
        """Return what Amazon's library signs."""
        return self.server.presigned(name, life_s=life_s)

    def holds(self, address: str) -> bytes | None:
        """Ask the server."""
        return self.server.holds(URL(address).path.rpartition("/")[2])


class SimulatedPlace(Place):
    """The sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self.url, self.ca_file, self.box = box.rest_url, box.ca_file, box

    def presigned(self, name: str, life_s: int = 300) -> str:
        """Return what the sandbox signs; a shorter life is one that began earlier."""
        world, shell = self.box.world, self.box._shell
        began_ms = shell.now_ms() - (300 - life_s) * 1000
        answer = world._uploads.presign(world._state.account("main"), name, began_ms)
        return next(address for key, address in answer.items() if key != "imageUrl")  # it is called one way or another

    def holds(self, address: str) -> bytes | None:
        """Look into the sandbox."""
        found = self.box.world.picture(URL(address).path.removeprefix("/upload/"))
        return found.data if found else None


@pytest.fixture(scope="module")
def nanio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """Run nanio once."""
    with nanio(tmp_path_factory.mktemp("nanio")) as server:
        yield server


@pytest.fixture(scope="module")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """Run rclone once."""
    with rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(params=["nanio", "rclone"])
def real(request: pytest.FixtureRequest) -> RealPlace:
    """Give each real server in turn."""
    return RealPlace(request.getfixturevalue(f"{request.param}_server"))


@pytest.fixture(params=["sandbox", "nanio", "rclone"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Give the sandbox and each real server in turn."""
    if request.param != "sandbox":
        yield RealPlace(request.getfixturevalue(f"{request.param}_server"))
        return
    account = SandboxAccount(name="main", api_key="k" * 64, hmac_secret="s" * 64)
    async with Sandbox(SandboxOptions(directory=tmp_path / "exchange", accounts=(account,))) as box:
        yield SimulatedPlace(box)


def changed(address: str, old: str, new: str) -> str:
    """Return the address with one thing altered; it must have been there."""
    assert old in address
    return address.replace(old, new)


async def test_a_picture_arrives_byte_for_byte(place: Place) -> None:
    """Content-Type is not signed, and the true one is taken."""
    for name, data in (("small.png", png()), ("large.png", png(data=bytes(range(256)) * 4000))):
        address = place.presigned(name)
        await place.put(address, data)
        assert place.holds(address) == data


async def test_an_address_serves_again_while_it_lives(place: Place) -> None:
    """An upload in doubt is repeated with the same bytes, and nothing is doubled."""
    address = place.presigned("again.png")
    await place.put(address, png())
    await place.put(address, png())
    assert place.holds(address) == png()


async def test_an_address_that_is_too_old_says_so(place: Place) -> None:
    """Each server in its own words and status; the door tells it from other refusals: a fresh address is the cure."""
    address = place.presigned("late.png", life_s=1)

    async def put_until_refused() -> None:
        async with asyncio.timeout(EXPIRY_S):
            while True:
                await place.put(address, png())
                await asyncio.sleep(0.1)

    with pytest.raises(UploadExpired):
        await put_until_refused()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=300", "X-Amz-Expires=30000"),
        ("X-Amz-Date=20", "X-Amz-Date=21"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Bx-other"),
        (".png?", ".jpg?"),
        ("X-Amz-Algorithm", "other=1&X-Amz-Algorithm"),
    ],
)
async def test_an_altered_address_is_refused(place: Place, old: str, new: str) -> None:
    """Its life, its date, its signature, its key, a parameter more: nothing is stored anywhere."""
    address = changed(place.presigned("altered.png"), old, new)
    with pytest.raises((UploadRefused, UploadExpired)):
        await place.put(address, png())
    assert place.holds(address) is None


async def test_an_address_without_a_signature_is_refused(place: Place) -> None:
    """Whatever the server calls it."""
    address = place.presigned("bare.png").partition("?")[0]
    with pytest.raises(ExchangeError):
        await place.put(address, png())
    assert place.holds(address) is None


async def test_an_address_to_read_from_takes_no_picture(real: RealPlace) -> None:
    """The method is part of the signature."""
    address = real.server.presigned("read.png", operation="get_object")
    with pytest.raises(UploadRefused):
        await real.put(address, png())
    assert real.holds(address) is None


async def test_a_signed_content_type_must_be_the_true_one(real: RealPlace) -> None:
    """Where it is signed, the picture's own type is what was meant, and another is refused."""
    address = real.server.presigned("typed.png", content_type="image/png")
    await real.put(address, png())
    assert real.holds(address) == png()
    wrong = real.server.presigned("wrong.png", content_type="application/octet-stream")
    with pytest.raises(UploadRefused):
        await real.put(wrong, png())
    assert real.holds(wrong) is None


async def test_a_jpeg_goes_by_its_own_type(real: RealPlace) -> None:
    """The type follows the picture, never the name."""
    address = real.server.presigned("photo.png", content_type="image/jpeg")
    jpeg = Picture(name="a.png", sha256="0" * 64, kind=PictureKind.JPEG, width=8, height=6)
    await real.put(address, JPEG, jpeg)
    assert real.holds(address) == JPEG


async def test_no_refusal_repeats_the_signature(place: Place) -> None:
    """Servers repeat keys and signatures in their answers; our errors do not."""
    address = place.presigned("secret.png")
    signature = URL(address).query["X-Amz-Signature"]
    with pytest.raises(UploadRefused) as caught:
        await place.put(changed(address, ".png?", ".jpg?"), png())
    said = f"{caught.value!r} {caught.value} {caught.value.code}"
    assert signature not in said
    assert "Credential" not in said
