"""The door to the merchant's pictures: files beside the rules, checked from their bytes (Pillow decodes and shrinks).

Promise: a picture lies in the rule file's directory or below, whatever links there are; it is whole, a JPEG or PNG,
not animated, and no larger than allowed. What was checked is named by its hash, and only that is ever sent. Everything
is bounded: files, bytes, pixels. Nothing but values leaves: a picture or its flaw.
Danger: Pillow decodes in C; it only ever sees files that the merchant laid beside the rules, of a size that
``protocol.pictures`` has read before. It is never shown a counterparty's picture.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from p2pbot.config import Pictures
from p2pbot.model import Picture, PictureKind
from p2pbot.protocol.pictures import PictureFacts, PictureType, read_picture
from p2pbot.rules.pictures import PictureFlaw, PictureName, ReadPictures, path_flaw, pictures_named

MAX_PICTURES = 100  # of one set of rules: more than a merchant keeps by hand
MAX_ALL_BYTES = 64 * 1024 * 1024  # of all of them: they are in memory while a set is loaded
MAX_PIXELS = 25_000_000  # decoded 100 MB; a phone's screen shows three million
_MOST_READ = 40 * 1024 * 1024  # of one file that is to be shrunk: larger than any camera makes
_MIB = 1024 * 1024
_KINDS = {PictureType.JPEG: PictureKind.JPEG, PictureType.PNG: PictureKind.PNG}
_FORMATS = {PictureKind.JPEG: "JPEG", PictureKind.PNG: "PNG"}
_SHARES = (0.85, 0.7, 0.5, 0.35, 0.25, 0.15)  # of width and height, tried in turn
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hang us


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePolicy:
    """How large a picture may be, and whether a larger one is made smaller."""

    max_bytes: int = 5 * _MIB
    shrink: bool = False


def picture_policy(pictures: Pictures) -> PicturePolicy:
    """Return how large the rules' pictures may be, as configured."""
    return PicturePolicy(max_bytes=pictures.max_mib * _MIB, shrink=pictures.too_large == "shrink")


def read_pictures(files: Mapping[str, str], policy: PicturePolicy | None = None) -> ReadPictures:
    """Return the pictures that the rules of ``files`` name; the names of ``files`` are their paths. Never raises."""
    policy = policy or PicturePolicy()
    known: dict[PictureName, Picture | PictureFlaw] = {}
    contents: dict[str, bytes] = {}
    for number, name in enumerate(pictures_named(files)):
        if number >= MAX_PICTURES:
            known[name] = PictureFlaw(f"the rules name more than {MAX_PICTURES} pictures", "use fewer")
            continue
        found = _read(name, policy)
        if isinstance(found, PictureFlaw):
            known[name] = found
        elif sum(map(len, contents.values())) + len(found) > MAX_ALL_BYTES:
            known[name] = PictureFlaw(f"all pictures together have more than {MAX_ALL_BYTES // _MIB} MiB", "use fewer")
        else:
            known[name] = seen = examine(name.path, found)
            if isinstance(seen, Picture):
                contents[seen.sha256] = found
    return ReadPictures(known, contents)


def read_picture_file(path: Path, policy: PicturePolicy) -> tuple[Picture, bytes] | PictureFlaw:
    """Return the picture that a person names on the command line, with its bytes, or why it cannot be sent."""
    whole = path.resolve()
    found = _read(PictureName(file=str(whole.parent / "rules"), path=whole.name), policy)
    if isinstance(found, PictureFlaw):
        return found
    seen = examine(whole.name, found)
    return seen if isinstance(seen, PictureFlaw) else (seen, found)


def stamps_of_pictures(names: tuple[PictureName, ...]) -> tuple[tuple[str, int, int], ...]:
    """Return what tells one state of these files from another: paths, times of change in ns, sizes. Never raises."""
    return tuple(stamp for name in names[:MAX_PICTURES] if (stamp := _stamp(name)) is not None)


def examine(path: str, data: bytes) -> Picture | PictureFlaw:
    """Return what the bytes are, or why they cannot be sent."""
    facts = read_picture(data)
    kind = _KINDS.get(facts.type)
    flaw = _flaw_of(path, facts) or (_undecodable(path, data, kind) if kind else None)
    if flaw is not None or kind is None:
        return flaw or PictureFlaw(f"`{path}` is not a JPEG or PNG picture")
    return Picture(
        name=path, sha256=hashlib.sha256(data).hexdigest(), kind=kind, width=facts.width, height=facts.height
    )


def _flaw_of(path: str, facts: PictureFacts) -> PictureFlaw | None:
    if facts.type not in _KINDS:
        what = (
            "no picture that the chat takes" if facts.type is PictureType.OTHER else f"a picture of type {facts.type}"
        )
        return PictureFlaw(f"`{path}` is {what}, whatever its name says", "save it as PNG or JPEG")
    if facts.trouble:
        return PictureFlaw(f"`{path}` is broken: {facts.trouble}", "save it again")
    if facts.animated:
        return PictureFlaw(f"`{path}` is animated", "save one picture of it")
    if facts.width * facts.height > MAX_PIXELS:
        size = f"{facts.width} × {facts.height}"
        return PictureFlaw(
            f"`{path}` has {size} pixels, more than {MAX_PIXELS // 1_000_000} million", "make it smaller"
        )
    return None


def _undecodable(path: str, data: bytes, kind: PictureKind) -> PictureFlaw | None:
    """Return what is wrong with a picture whose parts are all there but cannot be shown, or None."""
    from PIL import Image  # noqa: PLC0415 - it is slow to load, and most rules have no picture

    try:
        with Image.open(io.BytesIO(data), formats=(_FORMATS[kind],)) as image:
            image.load()
    except Exception:  # noqa: BLE001 - a decoder of arbitrary bytes may raise anything
        return PictureFlaw(f"`{path}` is broken: it cannot be shown", "save it again")
    return None


def _read(name: PictureName, policy: PicturePolicy) -> bytes | PictureFlaw:
    """Return a picture's bytes, made smaller if they are to be."""
    flaw = path_flaw(name.path)
    if flaw is not None:
        return flaw
    try:
        data = _bytes_of(name, _MOST_READ if policy.shrink else policy.max_bytes)
    except FileNotFoundError:
        return PictureFlaw(f"there is no file `{name.path}` beside this rule file", "lay it there, or mend the path")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return PictureFlaw(f"`{name.path}` cannot be read: {reason}")
    most = f"{policy.max_bytes / _MIB:.3g} MiB"
    if len(data) <= policy.max_bytes:
        return data
    smaller = _shrunk(name.path, data, policy.max_bytes) if policy.shrink and len(data) <= _MOST_READ else None
    hint = "make it smaller, or raise pictures.max_mib or write `pictures: {too_large: shrink}` in the configuration"
    return smaller or PictureFlaw(f"`{name.path}` has more than {most}", hint)


def _bytes_of(name: PictureName, most: int) -> bytes:
    """Return the file's bytes, one more than ``most`` if it is larger. Raises OSError, and ValueError in words."""
    root = Path(name.file).parent.resolve()
    inside = (root / name.path).resolve(strict=True)
    if not inside.is_relative_to(root):
        raise ValueError("a symbolic link leads out of the rules' directory")
    handle = _opened(root, PurePosixPath(inside.relative_to(root)))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("it is not a file")
    with os.fdopen(handle, "rb") as stream:
        return stream.read(most + 1)


def _opened(root: Path, inside: PurePosixPath) -> int:
    """Open a path that holds no link (any more), part by part, so that none can be slipped in meanwhile."""
    *above, last = inside.parts
    at = os.open(root, _DIRECTORY & ~os.O_NOFOLLOW)
    for part in above:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=at)
        finally:
            os.close(at)
        at = below
    try:
        return os.open(last, _FILE, dir_fd=at)
    finally:
        os.close(at)


def _stamp(name: PictureName) -> tuple[str, int, int] | None:
    if path_flaw(name.path) is not None:
        return None
    path = Path(name.file).parent / name.path
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_mtime_ns, status.st_size


def _shrunk(path: str, data: bytes, most: int) -> bytes | None:
    """Return the picture with fewer pixels and without what cameras write beside it, or None if nothing helps."""
    seen = examine(path, data)
    if isinstance(seen, PictureFlaw):
        return data if len(data) <= MAX_ALL_BYTES else None  # what is wrong with it is said by who examines it again
    from PIL import Image, ImageOps  # noqa: PLC0415 - it is slow to load, and most rules have no picture

    with Image.open(io.BytesIO(data), formats=(_FORMATS[seen.kind],)) as image:
        upright = ImageOps.exif_transpose(image)
    for share in _SHARES:
        size = (max(1, round(upright.width * share)), max(1, round(upright.height * share)))
        out = io.BytesIO()
        upright.resize(size, Image.Resampling.LANCZOS).save(out, _FORMATS[seen.kind], quality=85, optimize=True)
        if out.tell() <= most:
            return out.getvalue()
    return None
