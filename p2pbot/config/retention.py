"""How long the state directory remembers what people wrote."""

from __future__ import annotations

from typing import Annotated

from p2pbot.config.archive import Archive
from p2pbot.config.durations import Duration, DurationText, between
from p2pbot.config.part import Part

_DAY_MS = 86_400_000


class Retention(Part):
    """``messages``: what was decided and replied, orders with them. ``traces``: why each rule spoke or not.

    ``images``: received pictures, if the archive keeps them; ``archive.keep`` is its older name. ``messages`` has a
    week at least: what is forgotten is decided anew if it comes again, and an appeal lasts for days.
    """

    messages: Annotated[DurationText, between("7d", "3650d")] = Duration(90 * _DAY_MS)
    traces: Annotated[DurationText, between("1d", "3650d")] = Duration(30 * _DAY_MS)
    images: Annotated[DurationText, between("1d", "3650d")] = Duration(180 * _DAY_MS)

    def joined(self, archive: Archive) -> Retention:
        """Return this with the pictures' time as it was given, by its older name if by that alone."""
        older = "keep" in archive.model_fields_set and "images" not in self.model_fields_set
        return self.model_copy(update={"images": archive.keep}) if older else self
