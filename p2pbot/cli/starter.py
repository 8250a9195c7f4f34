"""Where the starter set lies: inside the installed package, or beside it in a clone.

Promise: the wheel carries what ``rules/`` of the repository holds, under ``p2pbot/starter_rules``, and the example
configuration as ``p2pbot/starter_config.yaml`` (pyproject.toml).
"""

from __future__ import annotations

from pathlib import Path

import p2pbot
from p2pbot.errors import ConfigError


def starter_rules() -> Path:
    """Return the directory of the starter rules. Raises ConfigError when this installation has none."""
    package = Path(p2pbot.__file__).parent
    for place in (package / "starter_rules", package.parent / "rules"):
        if any(place.glob("*.y*ml")):
            return place
    raise ConfigError(
        "this installation holds no starter rules", remedy="install p2pbot again, or name rules with --rules PATH"
    )


def starter_config() -> Path:
    """Return the example configuration. Raises ConfigError when this installation has none."""
    package = Path(p2pbot.__file__).parent
    for place in (package / "starter_config.yaml", package.parent / "config.example.yaml"):
        if place.is_file():
            return place
    raise ConfigError("this installation holds no example configuration", remedy="install p2pbot again")
