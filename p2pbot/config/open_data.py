"""An account's Mini Program: whose customers' open ids may be asked for, and where its keys are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from p2pbot.config.keys import CredentialName, EnvName, FileName, SecretNames, SecretSource, right_way
from p2pbot.document import complaint

_APP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
SECRETS = ("access_key", "secret_key", "private_key", "private_key_passphrase")


def _app_id(text: str) -> str:
    if not _APP_ID.fullmatch(text):
        raise complaint("an app id has 1 to 64 letters, digits, - and _, such as ozSQnakAm7apa6ew7crPYd")
    return text


class OpenData(SecretNames):
    """The sources of the Mini Program's keys.

    Access key and secret key sign the question, the RSA private key opens the answer.
    """

    EXPLAINED_KEYS: ClassVar[Mapping[str, str]] = MappingProxyType({key: right_way(key) for key in SECRETS})

    app_id: Annotated[str, AfterValidator(_app_id)]
    access_key_file: FileName = None
    access_key_env: EnvName = None
    access_key_credential: CredentialName = None
    secret_key_file: FileName = None
    secret_key_env: EnvName = None
    secret_key_credential: CredentialName = None
    private_key_file: FileName = None
    private_key_env: EnvName = None
    private_key_credential: CredentialName = None
    private_key_passphrase_file: FileName = None
    private_key_passphrase_env: EnvName = None
    private_key_passphrase_credential: CredentialName = None

    @model_validator(mode="after")
    def _each_key_has_one_source(self) -> Self:
        self.refuse_twice_given(*SECRETS)
        for secret in ("access_key", "secret_key", "private_key"):
            if not self.source(secret):
                raise complaint(f"open_data needs {secret}_file, {secret}_env or {secret}_credential")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDataSettings:
    """An account's Mini Program, complete; file paths are absolute."""

    app_id: str
    access_key: SecretSource
    secret_key: SecretSource
    private_key: SecretSource
    private_key_passphrase: SecretSource | None = None
