"""The door through which the watch looks: what tells one state of an account's rules, pictures too, from another.

Promise: it never raises and costs a ``stat`` a file; the rule files are read again only when they have changed, to
learn which pictures they name. A picture that is missing shows when it comes.
"""

from __future__ import annotations

from pathlib import Path

from p2pbot.adapters.files import read_rules, stamp_of_rules
from p2pbot.adapters.pictures import stamps_of_pictures
from p2pbot.errors import ConfigError
from p2pbot.rules.pictures import PictureName, pictures_named


class RuleStamps:
    """Looks at the rules at ``path``; called in a thread, one call at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._texts: tuple[tuple[str, int, int], ...] | None = None
        self._pictures: tuple[PictureName, ...] = ()

    def __call__(self) -> tuple[tuple[str, int, int], ...]:
        """Return names, times of change in ns, and sizes."""
        texts = stamp_of_rules(self._path)
        if texts != self._texts:
            self._texts, self._pictures = texts, self._named()
        return texts + stamps_of_pictures(self._pictures)

    def _named(self) -> tuple[PictureName, ...]:
        try:
            return pictures_named(read_rules(self._path))
        except ConfigError:
            return ()
