"""Which pictures rules name, and what is known of each: the rules' side of what ``adapters.pictures`` reads.

Promise: pure. A picture is named by its rule file and the path as it is written there, so that the same path in two
directories is two pictures; only what stands under ``reply`` counts, not the ``image:`` of a dialogue test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import regex

from p2pbot.document.nodes import plain_data, read_nodes
from p2pbot.document.source import Source
from p2pbot.model import Picture

IMAGE = "image"
_ENDINGS = (".jpg", ".jpeg", ".png")
_LONGEST_PATH = 200  # characters; a longer one is not a path that a person wrote
_MENTION = regex.compile(r"image[\"']?\s*:")  # a file without it is not parsed once more


class PictureName(NamedTuple):
    """A picture as a rule names it: the rule file's name and the path beside it."""

    file: str
    path: str


@dataclass(frozen=True, slots=True)
class PictureFlaw:
    """Why a picture cannot be sent, and what to do."""

    what: str
    hint: str = ""


Pictures: TypeAlias = Mapping[PictureName, Picture | PictureFlaw]
NO_PICTURES: Pictures = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ReadPictures:
    """What is known of each picture that rules name, and the bytes of the sound ones by their hash."""

    known: Pictures = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def sound(self) -> dict[PictureName, Picture]:
        """The pictures that can be sent."""
        return {name: found for name, found in self.known.items() if isinstance(found, Picture)}


def pictures_named(files: Mapping[str, str]) -> tuple[PictureName, ...]:
    """Return every picture that the rules of ``files`` name, each once, in their order; a broken file names none."""
    found = (PictureName(name, path) for name in sorted(files) for path in _paths(files[name], name))
    return tuple(dict.fromkeys(found))


def picture_at(pictures: Pictures, file: str, path: str) -> Picture | PictureFlaw:
    """Return the picture that a rule of ``file`` names as ``path``, or why there is none."""
    missing = PictureFlaw(f"there is no file `{_cut(path)}` beside this rule file", "lay it there, or mend the path")
    return path_flaw(path) or pictures.get(PictureName(file, path), missing)


def path_flaw(path: str) -> PictureFlaw | None:
    """Return what is wrong with a path before anybody looks at the disk, or None.

    It is relative to the rule file and stays in its directory: a rule set may come from somebody else, and must not
    be able to send the machine's files to a stranger.
    """
    parts = path.split("/")
    if path.startswith(("/", "~")) or ".." in parts or "\\" in path:
        hint = "write it relative to the rule file, for example images/qr.png"
        return PictureFlaw(f"`{_cut(path)}` leads out of the rules' directory", hint)
    if not path.strip() or len(path) > _LONGEST_PATH or any(not char.isprintable() for char in path):
        return PictureFlaw(f"`{_cut(path)}` is not a path", "write for example images/qr.png")
    if not path.lower().endswith(_ENDINGS):
        return PictureFlaw(f"`{_cut(path)}` is not a jpg, jpeg or png", "the chat takes no other picture")
    return None


def _cut(path: str) -> str:
    return path if len(path) <= 80 else f"{path[:79]}…"  # noqa: PLR2004 - what fits on a line


def _paths(text: str, name: str) -> Iterator[str]:
    if not _MENTION.search(text):
        return
    root, _ = read_nodes(Source(text, name))
    data = plain_data(root) if root is not None else None
    rules = data.get("rules") if isinstance(data, dict) else None
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict):
            yield from _images(rule.get("reply"))


def _images(data: object) -> Iterator[str]:
    if isinstance(data, list):
        for item in data:
            yield from _images(item)
    elif isinstance(data, dict):
        path = data.get(IMAGE)
        if isinstance(path, str):
            yield path
        for value in data.values():
            yield from _images(value)
