"""The archive of pictures that counterparties send: off unless the merchant wants it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from p2pbot.config.durations import Duration, DurationText, between
from p2pbot.config.part import Part
from p2pbot.document import complaint


def _room(value: int) -> int:
    if not 10 <= value <= 1_000_000:  # noqa: PLR2004 - one picture, and what a disk holds
        raise complaint(f"must be between 10 and 1000000 (MiB), is {value}")
    return value


class Archive(Part):
    """``pictures``: keep every picture of the other side, below the state directory.

    ``keep``: how long, the older name of ``retention.images``; ``room_mib``: for all of an account's pictures together,
    the oldest make room.
    """

    pictures: bool = False
    keep: Annotated[DurationText, between("1d", "3650d")] = Duration(180 * 86_400_000)
    room_mib: Annotated[int, AfterValidator(_room)] = 2_000
