"""Whether a renewal may open the next socket beside the old one: decided by what was seen, and never for good.

Promise: an exchange that keeps two sockets is renewed without a gap, whatever the network did at some renewal; one that
does not is asked again ever more seldom. To ask costs no more than not to ask: both leave a gap.
Source: C2C chat protocol notes, section 2 (one live socket per account; others report surviving).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_DOUBTS = 2  # in a row: one socket that breaks right after its renewal is a coincidence
_LONGEST_SKIP = 24  # about a day of renewals


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What renewals have shown. ``skip``: so many renewals break first before the next try."""

    skip: int = 0
    refusals: int = 0
    doubts: int = 0

    @property
    def allowed(self) -> bool:
        """Whether the next renewal may make before it breaks."""
        return self.skip == 0

    def refused(self) -> Overlap:
        """Return what is believed after a clear refusal: 1, 2, 4 … renewals break first before the next try."""
        return Overlap(refusals=self.refusals + 1, skip=min(2 ** min(self.refusals, 10), _LONGEST_SKIP))

    def doubted(self) -> Overlap:
        """Return what is believed after a renewed socket broke at once, which may have been the network."""
        doubts = self.doubts + 1
        return self.refused() if doubts >= _DOUBTS else replace(self, doubts=doubts)

    def skipped(self) -> Overlap:
        """Return what is left to skip after a renewal that broke first."""
        return replace(self, skip=max(0, self.skip - 1))

    def kept(self) -> Overlap:
        """Return what is believed after a renewed socket lived on: nothing stands against the next."""
        return Overlap()
