"""The door to secrets: files, environment variables and systemd credentials become ``Secret`` values.

Promise: a secret comes from where the configuration says, whole, or a sentence says why not and what to do; no value
is ever in such a sentence. Nothing is written.
Danger: a variable of the environment can be read by every process of the same user; a file of mode 600 is better.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from p2pbot.config import AccountSettings, SecretSource, SourceKind
from p2pbot.errors import ConfigError
from p2pbot.secret import Secret

MAX_SECRET_BYTES = 16 * 1024  # a 4096-bit RSA key in PEM has 3.3 KiB
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """What signs an account's calls: ``hmac_secret``, or ``private_key`` (PEM text) with its ``passphrase``."""

    api_key: Secret
    hmac_secret: Secret | None = None
    private_key: Secret | None = None
    passphrase: Secret | None = None


def resolve_keys(account: AccountSettings, environ: Mapping[str, str] | None = None) -> AccountKeys:
    """Return the account's keys. Raises ConfigError with one finding for each secret that cannot be had."""
    return resolve_all([account], environ)[account.name]


def resolve_all(
    accounts: Iterable[AccountSettings], environ: Mapping[str, str] | None = None
) -> dict[str, AccountKeys]:
    """Return the keys of all accounts by name. Raises ConfigError with every finding, a key used twice among them."""
    desk = _Desk(os.environ if environ is None else environ)
    keys = {account.name: desk.keys(account) for account in accounts}
    users: dict[Secret, str] = {}
    for name, found in keys.items():
        if found and (first := users.setdefault(found.api_key, name)) != name:
            desk.findings.append(f"account {name}: the same API key as account {first}; each account needs its own")
    if desk.findings:
        raise ConfigError("some keys cannot be used", findings=tuple(desk.findings))
    return {name: found for name, found in keys.items() if found}


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniProgramKeys:
    """What signs a question for open data, and the RSA key (PEM text) that opens its answer."""

    access_key: Secret
    secret_key: Secret
    private_key: Secret
    passphrase: Secret | None = None


def resolve_mini_program(account: AccountSettings, environ: Mapping[str, str] | None = None) -> MiniProgramKeys:
    """Return the keys of an account's Mini Program. Raises ConfigError with a finding for each that cannot be had."""
    given = account.open_data
    if given is None:
        raise ConfigError(
            f"account {account.name} has no Mini Program", remedy="write open_data: below it, see docs/open-data.md"
        )
    desk = _Desk(os.environ if environ is None else environ)
    access_key = desk.secret(account, given.access_key, one_word=True)
    secret_key = desk.secret(account, given.secret_key, one_word=True)
    private_key = desk.secret(account, given.private_key)
    passphrase = desk.secret(account, given.private_key_passphrase)
    if desk.findings or access_key is None or secret_key is None or private_key is None:
        raise ConfigError("the keys of the Mini Program cannot be used", findings=tuple(desk.findings))
    return MiniProgramKeys(access_key=access_key, secret_key=secret_key, private_key=private_key, passphrase=passphrase)


class _Desk:
    """Reads secrets and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.findings: list[str] = []

    def keys(self, account: AccountSettings) -> AccountKeys | None:
        api_key = self.secret(account, account.api_key, one_word=True)
        hmac_secret = self.secret(account, account.api_secret, one_word=True)
        private_key = self.secret(account, account.private_key)
        passphrase = self.secret(account, account.private_key_passphrase)
        if api_key is None or not (hmac_secret or private_key):
            return None
        return AccountKeys(api_key=api_key, hmac_secret=hmac_secret, private_key=private_key, passphrase=passphrase)

    def secret(self, account: AccountSettings, source: SecretSource | None, *, one_word: bool = False) -> Secret | None:
        """Return the secret, or None and one finding more when it cannot be had."""
        if source is None:
            return None
        try:
            return Secret(_checked(read_secret(source, self._environ), one_word=one_word))
        except ConfigError as error:
            self.findings.append(f"account {account.name}, {source.key}: {error}")
            return None


def read_secret(source: SecretSource, environ: Mapping[str, str]) -> str:
    """Return the secret's text without its last line break. Raises ConfigError in plain words."""
    if source.kind is SourceKind.ENV:
        return _from_environment(source.where, environ)
    if source.kind is SourceKind.CREDENTIAL:
        return _from_credentials(source.where, environ)
    return _from_file(Path(source.where), private=True)


def _checked(text: str, *, one_word: bool) -> str:
    """Return ``text`` if a key can look like this; a key goes into an HTTP header, where a line break is an attack."""
    if not text.strip():
        raise ConfigError("it is empty", remedy="put the key there")
    if one_word and not (text.isascii() and text.isprintable() and " " not in text):
        raise ConfigError("it holds spaces, several lines or odd characters", remedy="put the key alone there")
    return text


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(f"the environment variable {name} is not set", remedy="set it where p2pbot is started")
    return _text(environ[name].encode("utf-8", "surrogateescape"))


def _from_credentials(name: str, environ: Mapping[str, str]) -> str:
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    if not directory.startswith("/"):
        remedy = f"LoadCredential={name}:PATH in the unit gives it to the service; a command typed by hand has none"
        raise ConfigError("there are no systemd credentials ($CREDENTIALS_DIRECTORY is not set)", remedy=remedy)
    return _from_file(Path(directory, name), private=False)  # systemd guards the directory, and grants by an ACL


def _from_file(path: Path, *, private: bool) -> str:
    """Return a file's text. The checks look at the opened file, so that nobody can change it in between."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _guard(path, os.fstat(handle), private=private)
            return _text(os.read(handle, MAX_SECRET_BYTES + 1), f"{path}: ")
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}", remedy="make it, with the key as its only content") from None
    except PermissionError:
        raise ConfigError(f"{path} cannot be read by this user", remedy="give it to p2pbot's user") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise ConfigError(f"{path} cannot be read: {reason}") from None


def _guard(path: Path, status: os.stat_result, *, private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is not a file")
    if private and status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(f"{path} can be used by other users (mode {mode:o})", remedy=f"chmod 600 {path}")


def _text(data: bytes, place: str = "") -> str:
    if len(data) > MAX_SECRET_BYTES:
        raise ConfigError(f"{place}more than {MAX_SECRET_BYTES // 1024} KiB: this is no key")
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{place}this is not text, so it is no key") from None
