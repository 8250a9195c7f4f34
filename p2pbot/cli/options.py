"""What the common options mean: which configuration, which accounts."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from p2pbot.config import AccountSettings, Settings, load_settings
from p2pbot.errors import ConfigError, UsageError

PLACES = (Path("config.yaml"), Path("/etc/p2pbot/config.yaml"))


def config_path(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Path:
    """Return the configuration's path: ``--config``, else $P2PBOT_CONFIG, else the first of the usual places."""
    if given := getattr(arguments, "config", None) or environ.get("P2PBOT_CONFIG"):
        return Path(given)
    for place in PLACES:
        if os.path.lexists(place):
            return place
    looked = " nor ".join(str(place) for place in PLACES)
    remedy = "copy config.example.yaml to config.yaml and edit it, or name a file with --config"
    raise ConfigError(f"there is no configuration: neither {looked}", remedy=remedy)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings that the command line means. Raises ConfigError with all findings."""
    return load_settings(config_path(arguments, os.environ), os.environ)


def account_of(
    settings: Settings, wanted: str | None, *, among: Collection[str] = (), doubt: str = "there are several accounts"
) -> AccountSettings:
    """Return the account that ``--account`` names, else the only one there is, else the only one ``among`` them.

    Raises UsageError, with ``doubt`` as what happened, when that leaves none or several.
    """
    if wanted:
        return settings.account(wanted)
    if len(settings.accounts) == 1:
        return settings.accounts[0]
    found = [account for account in settings.accounts if account.name in among]
    if len(found) == 1:
        return found[0]
    names = ", ".join(account.name for account in settings.accounts)
    raise UsageError(doubt, remedy=f"add --account: {names}")
