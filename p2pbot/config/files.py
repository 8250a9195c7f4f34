"""Reading the configuration file. Nothing is written, and no secret is read here (see ``adapters.secrets_source``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from p2pbot.config.settings import Places, Settings, parse_settings
from p2pbot.errors import ConfigError

_MAX_BYTES = 256 * 1024  # as much as p2pbot.document reads; a larger file is not one that a person edits
_START = "copy config.example.yaml and edit it, or name another file with --config"


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file at ``path``.

    Paths in the file are relative to its directory, ``~/`` is $HOME. Without ``state_dir`` it is systemd's
    $STATE_DIRECTORY, else ``state`` beside the file. Raises ConfigError with all findings, each with its place.
    """
    text = _read(path)
    base = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow a link out of the directory
    given_by_systemd = environ.get("STATE_DIRECTORY", "").split(":")[0]
    state_dir = Path(given_by_systemd) if given_by_systemd.startswith("/") else base / "state"
    return parse_settings(text, path, Places(base=base, home=Path(environ.get("HOME") or "/"), state_dir=state_dir))


def _read(path: Path) -> str:
    """Return the file's text. Raises ConfigError in plain words."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is not a file", remedy=_START)
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {path}", remedy=_START) from None
    except PermissionError:
        raise ConfigError(f"{path} cannot be read by this user", remedy="run p2pbot as its own user") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise ConfigError(f"{path} cannot be read: {reason}") from None
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path} has more than {_MAX_BYTES // 1024} KiB", remedy="this is hardly a configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        remedy = "save the file as UTF-8"
        raise ConfigError(f"{path}:{line}: a character that is not UTF-8", remedy=remedy) from None
