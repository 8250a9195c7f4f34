"""The files that a daemon needs to meet the simulated exchange: keys, a configuration, a first rule.

Promise: keys are random, of mode 0600, and stay the same when the sandbox starts again in the same directory; a
configuration or rules that a person changed are never overwritten.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from p2pbot.sandbox.certificate import write_private
from p2pbot.sandbox.options import SandboxAccount

_MARK = "# SIMULATED: written by `p2pbot sandbox`, and written anew as long as this line stands here."
_RULES_KEY = "    rules: rules\n"
APP_ID = "simulatedMiniProgram01"
MINI_PROGRAM_FILES = ("mp.key", "mp.secret", "mp.pem")  # access key, secret key, RSA private key
_RULES = """\
# SIMULATED: a first rule to see something happen.
version: 1
rules:
  - id: paid-claim
    words: [paid, "оплат*", 付款]
    reply: "Thanks! Please press «Transferred, notify seller» in the order."
    examples: ["I paid"]
    not_examples: ["hello"]
"""


@dataclass(frozen=True, slots=True)
class AccountKit:
    """One account and the files of its key."""

    account: SandboxAccount
    key_file: Path
    secret_file: Path


def account_kits(directory: Path, names: Sequence[str]) -> tuple[AccountKit, ...]:
    """Return accounts with their keys from ``directory``, made where they are missing. Raises OSError, ValueError.

    The first account's files are ``api_key`` and ``api_secret``, those of others begin with their name.
    """
    for name in names:
        SandboxAccount(name=name, api_key="")  # a wrong name shall make no file
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    kits = []
    for number, name in enumerate(names):
        prefix = "" if number == 0 else f"{name}."
        key_file, secret_file = directory / f"{prefix}api_key", directory / f"{prefix}api_secret"
        key, secret = kept(key_file), kept(secret_file)
        kits.append(AccountKit(SandboxAccount(name=name, api_key=key, hmac_secret=secret), key_file, secret_file))
    return tuple(kits)


def kept(path: Path) -> str:
    """Return the key in a file, made up where it is missing."""
    if not path.exists():
        write_private(path, f"simulated{secrets.token_hex(28)}".encode())
    return path.read_text("utf-8").strip()


def write_configuration(
    directory: Path,
    kits: Sequence[AccountKit],
    rest_url: str,
    ca_file: Path | None,
    *,
    facts: bool = False,
    mini_program: bool = False,
) -> bool:
    """Write ``config.yaml`` and a first rule; return False if a person's own configuration was left as it is.

    ``facts``: the daemon listens to the futures and spot accounts too. ``mini_program``: the first account has one.
    """
    rules = directory / "rules"
    if not rules.exists():
        rules.mkdir()
        (rules / "10-first.yaml").write_text(_RULES, "utf-8")
    path = directory / "config.yaml"
    if path.exists() and not path.read_text("utf-8").startswith(_MARK):
        return False
    added = ["    futures: {enabled: true}", "    spot: {user_data: subscribe}"] if facts else []
    text = _configuration(kits, rest_url, ca_file, added)
    path.write_text(text.replace(_RULES_KEY, _RULES_KEY + _open_data(), 1) if mini_program else text, "utf-8")
    return True


def _open_data() -> str:
    access_key, secret_key, private_key = MINI_PROGRAM_FILES
    files = f"access_key_file: {access_key}, secret_key_file: {secret_key}, private_key_file: {private_key}"
    return f"    open_data: {{app_id: {APP_ID}, {files}}}\n    open_ids: open-ids.yaml\n"


def _configuration(kits: Sequence[AccountKit], rest_url: str, ca_file: Path | None, added: Sequence[str]) -> str:
    """Return the YAML; paths are beside the file, texts are quoted as JSON, which YAML reads. ``added``: to each."""
    lines = [_MARK, "version: 1", "mode: live", "state_dir: state", "accounts:"]
    for kit in kits:
        lines += [
            f"  - name: {json.dumps(kit.account.name)}",
            f"    api_key_file: {json.dumps(kit.key_file.name)}",
            f"    api_secret_file: {json.dumps(kit.secret_file.name)}",
            _RULES_KEY.rstrip("\n"),
            *added,
        ]
    sockets = f"ws{rest_url.removeprefix('http')}"
    lines += ["exchange:", f"  rest_url: {json.dumps(rest_url)}", f"  futures_rest_url: {json.dumps(rest_url)}"]
    lines += [f"  open_data_url: {json.dumps(rest_url)}"]
    lines += [f"  ws_api_url: {json.dumps(sockets + '/ws-fapi/v1')}"]
    lines += [f"  spot_ws_api_url: {json.dumps(sockets + '/ws-api/v3')}"]
    lines += [f"  {name}: {json.dumps(sockets)}" for name in ("futures_stream_url", "spot_stream_url")]
    if ca_file:
        lines.append(f"  ca_file: {json.dumps(ca_file.name)}")
    return "\n".join(lines) + "\n"
