"""Where an account's keys are: named in the file, never written there.

Promise: each key has exactly one source (file, environment, systemd credential); a key pasted in place of a source's
name is recognised, refused and not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from p2pbot.config.part import Part
from p2pbot.document import complaint

_PASTED = re.compile(r"[A-Za-z0-9+=_-]{40,}")  # the exchange's keys have 64 letters and digits; a long path has a /
_ENV = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,38}")


class SourceKind(StrEnum):
    """The three ways to hand over a secret."""

    FILE = "file"
    ENV = "env"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where one secret is: an absolute path, an environment variable's name, or a systemd credential's name.

    ``key`` is the configuration's key that says so (``api_key_file``).
    """

    kind: SourceKind
    where: str
    key: str


def _name(allowed: Callable[[str], object], wanted: str) -> AfterValidator:
    def check(text: str | None) -> str | None:
        if text is None:
            return None  # a key without a value: not given
        if "-----" in text or _PASTED.fullmatch(text):
            raise complaint(f"the secret itself does not stand here: this key holds {wanted}")
        if not allowed(text):
            raise complaint(f"this key holds {wanted}")
        return text

    return AfterValidator(check)


FileName = Annotated[str | None, _name(lambda text: 0 < len(text) <= 4096 and "\0" not in text, "the path of a file")]  # noqa: PLR2004 - PATH_MAX
EnvName = Annotated[str | None, _name(_ENV.fullmatch, "the name of an environment variable, such as P2PBOT_API_KEY")]
CredentialName = Annotated[
    str | None, _name(_CREDENTIAL.fullmatch, "the name of a systemd credential, such as api-key")
]


def right_way(secret: str) -> str:
    """Return what to write instead of a secret."""
    return (
        f"a secret does not stand in this file: write `{secret}_file: PATH` (a file that only p2pbot's user can read), "
        f"`{secret}_env: NAME` or `{secret}_credential: NAME` instead, and make a new key if others saw this one"
    )


class SecretNames(Part):
    """What names secrets by ``…_file``, ``…_env`` or ``…_credential``."""

    def source(self, secret: str) -> SecretSource | None:
        """Return where ``secret`` (``api_key``, ``api_secret`` …) is, or None."""
        return next(iter(self.sources(secret)), None)

    def sources(self, secret: str) -> list[SecretSource]:
        """Return every place that is named for ``secret``: one, or it is a mistake."""
        named = ((kind, f"{secret}_{kind.value}") for kind in SourceKind)
        return [SecretSource(kind, getattr(self, key), key) for kind, key in named if getattr(self, key) is not None]

    def refuse_twice_given(self, *secrets: str) -> None:
        """Raise the complaint about a secret that has two sources."""
        for secret in secrets:
            if len(given := [source.key for source in self.sources(secret)]) > 1:
                raise complaint(f"{' and '.join(given)}: give one of them")


class AccountKeyNames(SecretNames):
    """The sources of an account's keys: an API key, and an HMAC secret or a private key (Ed25519 or RSA, PEM)."""

    EXPLAINED_KEYS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "api_key": right_way("api_key"),
            "key": right_way("api_key"),
            "apikey": right_way("api_key"),
            "api_secret": right_way("api_secret"),
            "secret": right_way("api_secret"),
            "secret_key": right_way("api_secret"),
            "private_key": right_way("private_key"),
            "private_key_passphrase": right_way("private_key_passphrase"),
            "passphrase": right_way("private_key_passphrase"),
        }
    )

    api_key_file: FileName = None
    api_key_env: EnvName = None
    api_key_credential: CredentialName = None
    api_secret_file: FileName = None
    api_secret_env: EnvName = None
    api_secret_credential: CredentialName = None
    private_key_file: FileName = None
    private_key_env: EnvName = None
    private_key_credential: CredentialName = None
    private_key_passphrase_file: FileName = None
    private_key_passphrase_env: EnvName = None
    private_key_passphrase_credential: CredentialName = None

    @model_validator(mode="after")
    def _each_key_has_one_source(self) -> Self:
        self.refuse_twice_given("api_key", "api_secret", "private_key", "private_key_passphrase")
        if not self.source("api_key"):
            raise complaint("the account has no API key: write api_key_file, api_key_env or api_key_credential")
        hmac, private = self.source("api_secret"), self.source("private_key")
        if hmac and private:
            raise complaint("the account has an api_secret_… and a private_key_…: it signs with one of them")
        if not hmac and not private:
            raise complaint("the account has nothing to sign with: write an api_secret_… or a private_key_…")
        if self.source("private_key_passphrase") and not private:
            raise complaint("a private_key_passphrase_… is of use with a private_key_… only")
        return self
