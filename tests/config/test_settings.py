"""Text becomes complete settings, or every fault of it is named at its place."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.config import Duration, Places, SecretSource, Settings, SourceKind, parse_settings
from p2pbot.errors import ConfigError, UsageError
from p2pbot.model import Mode

PLACES = Places(base=Path("/etc/p2pbot"), home=Path("/home/maria"), state_dir=Path("/var/lib/p2pbot"))
# The example key of the exchange's public API documentation.
PASTED = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
ACCOUNT = "  - {name: main, api_key_file: key, api_secret_env: MAIN_SECRET}\n"
START = "version: 1\naccounts:\n" + ACCOUNT


def settings(text: str) -> Settings:
    """Return the settings of a text in ``c.yaml``."""
    return parse_settings(text, Path("c.yaml"), PLACES)


def findings(text: str) -> list[str]:
    """Return the findings of a text that does not load, without their snippets."""
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return [finding.split("\n")[0] for finding in caught.value.findings]


def account(lines: str) -> str:
    """Return a file whose one account has these lines besides its name, from line 4 on."""
    return "version: 1\naccounts:\n  - name: main\n" + indent(lines, "    ")


def test_an_account_is_complete() -> None:
    """What an account does not say comes from the top of the file, key by key."""
    text = START + "  - {name: b, api_key_env: B, private_key_credential: pem, mode: live, limits: {breaker: 9}}\n"
    first, second = settings(text + "limits: {breaker: 3, max_age: 1h}\n").accounts
    assert (first.mode, first.limits.breaker, first.limits.max_age) == (Mode.SHADOW, 3, Duration(3_600_000))
    assert (second.mode, second.limits.breaker, second.limits.max_age) == (Mode.LIVE, 9, Duration(3_600_000))


def test_paths_are_absolute() -> None:
    """Paths are relative to the file's directory; ``~/`` is the user's home; a given state directory wins."""
    text = account("api_key_file: keys/a\napi_secret_file: ~/b\nrules: /srv/rules\n")
    found = settings(text + "state_dir: state\nexchange: {ca_file: ca.pem}\n")
    only = found.accounts[0]
    assert only.api_secret is not None
    assert (only.api_key.where, only.api_secret.where) == ("/etc/p2pbot/keys/a", "/home/maria/b")
    assert (only.rules, found.state_dir, found.ca_file) == (
        Path("/srv/rules"),
        Path("/etc/p2pbot/state"),
        Path("/etc/p2pbot/ca.pem"),
    )


def test_the_state_directory_has_a_default() -> None:
    """Without ``state_dir`` the caller's place holds."""
    assert settings(START).state_dir == Path("/var/lib/p2pbot")


def test_a_source_knows_its_key() -> None:
    """A fault of a secret can be told with the key that names its source."""
    assert settings(START).accounts[0].api_secret == SecretSource(SourceKind.ENV, "MAIN_SECRET", "api_secret_env")


def test_a_takeover_lasts_until_the_order_ends_or_for_a_time() -> None:
    """Both spellings are understood."""
    assert settings(START).takeover.mute_ms is None
    assert settings(START + "takeover: {mute: 2h}").takeover.mute_ms == 7_200_000


@pytest.mark.parametrize("key", ["api_key", "api_secret", "secret", "private_key", "passphrase", "secret_key"])
def test_a_plain_secret_is_refused_with_the_right_way(key: str) -> None:
    """The sentence names the three ways, and the value is nowhere in what is shown."""
    with pytest.raises(ConfigError) as caught:
        settings(account(f"{key}: {PASTED}\napi_key_file: k\napi_secret_file: s\n"))
    shown = "\n".join([str(caught.value), *caught.value.findings])
    assert all(way in shown for way in ("_file: PATH", "_env: NAME", "_credential: NAME"))
    assert shown.splitlines()[1].startswith("c.yaml:4:5: a secret does not stand in this file")
    assert PASTED[:8] not in shown


@pytest.mark.parametrize("key", ["api_key_file", "api_key_env", "api_key_credential"])
def test_a_key_in_place_of_its_name_is_refused_and_not_repeated(key: str) -> None:
    """Whoever pastes the key behind ``api_key_env:`` reads what belongs there."""
    with pytest.raises(ConfigError) as caught:
        settings(account(f"{key}: {PASTED}\napi_secret_file: s\n"))
    shown = "\n".join(caught.value.findings)
    assert "the secret itself does not stand here: this key holds the " in shown
    assert PASTED[:8] not in shown


def test_a_long_path_is_no_key() -> None:
    """A file may lie deep."""
    path = "credentials/of-the-first-merchant-account/binance-api-key-for-reading"
    assert settings(account(f"api_key_file: {path}\napi_secret_file: s\n")).accounts[0].api_key.where.endswith(path)


def test_a_plain_secret_at_the_top_is_refused_too() -> None:
    """The sentence says that keys belong to an account."""
    assert "under `accounts:` write `api_key_file" in findings(START + "api_key: abcdefgh\n")[0]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("api_secret_file: s", "c.yaml:3:5: the account has no API key: write api_key_file"),
        ("api_key_file: k", "c.yaml:3:5: the account has nothing to sign with"),
        ("api_key_file: k\napi_secret_file: s\nprivate_key_file: p", "it signs with one of them"),
        ("api_key_file: k\napi_key_env: K\napi_secret_file: s", "api_key_file and api_key_env: give one of them"),
        ("api_key_file: k\napi_secret_file: s\nprivate_key_passphrase_env: P", "with a private_key_… only"),
        ("api_key_env: my key\napi_secret_file: s", "c.yaml:4:18: this key holds the name of an environment variable"),
        ("api_key_credential: ../x\napi_secret_file: s", "holds the name of a systemd credential"),
        ("api_key_file: k\napi_secret_file: s\nrecv_window: 70s", "c.yaml:6:18: must be between 1s and 1m, is 1m10s"),
        ("api_key_file: k\napi_secret_file: s\nrulez: x", "unknown key `rulez`; did you mean `rules`?"),
        ("api_key_file: k\napi_secret_file: s\nmode: alive", "found `alive`; did you mean `live`?"),
    ],
)
def test_a_fault_of_an_account_is_named(lines: str, wanted: str) -> None:
    """Each sentence says what is wrong and where."""
    (only,) = findings(account(lines + "\n"))
    assert wanted in only


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("limits: {breaker: 0}", "c.yaml:4:19: must be between 1 and 100, is 0"),
        ("limits: {breaker: many}", "c.yaml:4:19: expected a whole number, found `many`"),
        ("limits: {max_age: 10}", "did you mean `10s`?"),
        ("timings: {settle_after: 5s}", "c.yaml:4:25: settle_after (5s) must be longer than echo_timeout (5s)"),
        ("timings: {echo_timeout: 10s}", "c.yaml:4:25: settle_after (10s) must be longer than echo_timeout (10s)"),
        ("timings: {order_poll: 2m}", "facts_max_age (1m30s) must be longer than order_poll (2m)"),
        ("takeover: {mute: forever}", "expected `order` (until the order ends) or a duration such as 2h"),
        ("takeover: {mute: 1s}", "must be `order` or between 1m and 30d, is 1s"),
        ("log: {level: loud}", "expected one of debug, info, warning, error, found `loud`"),
        ("mod: live", "unknown key `mod`; did you mean `mode`?"),
        ("rules: x", "`rules` belongs to an account"),
        ("mode: live\nmode: shadow", "the key `mode` stands here twice, first in line 4"),
        ("exchange: {rest_url: http://api.binance.com}", "must start with https://"),
        ("exchange: {ws_api_url: ws://10.0.0.1:9}", "must start with wss://"),
        ("exchange: {rest_url: wss://x}", "must start with https://"),
        ("exchange: {rest_url: https://}", "this is not an address"),
        ("exchange: {rest_url: 'https://x:99999'}", "this is not an address"),
        ("exchange: {rest_url: 'https://a b'}", "this is not an address"),
        ("exchange: {rest_url: https://me@x}", "no user name"),
        ("exchange: {rest_url: 'https://x/?a=b'}", "no ?"),
        ("exchange: [", "YAML:"),
    ],
)
def test_a_fault_of_the_file_is_named(lines: str, wanted: str) -> None:
    """Each sentence says what is wrong and where."""
    (only,) = findings(START + lines + "\n")
    assert wanted in only
    assert only.startswith("c.yaml:")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.3.2.1"])
def test_an_unencrypted_address_is_good_enough_on_this_machine(host: str) -> None:
    """The simulated exchange needs no certificate."""
    found = settings(START + f"exchange: {{rest_url: 'http://{host}:8080/', ws_api_url: 'ws://{host}:8080'}}")
    assert (found.exchange.rest_url, found.exchange.ws_api_url) == (f"http://{host}:8080", f"ws://{host}:8080")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "the file is empty"),
        ("accounts: []\nversion: 1", "needs at least one account"),
        ("version: 2\naccounts:\n" + ACCOUNT, "reads configurations of version 1; write `version: 1`"),
        ("accounts:\n" + ACCOUNT, "the key `version` is missing"),
        ("- a", "expected keys with values, found a list"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, wanted: str) -> None:
    """A file of another shape is told so."""
    (only,) = findings(text)
    assert wanted in only


def test_more_accounts_than_one_process_serves_are_refused() -> None:
    """The bound is said with the way out."""
    many = "".join(f"  - {{name: a{n}, api_key_env: K{n}, api_secret_env: S}}\n" for n in range(51))
    assert "more than 50 accounts: run a second p2pbot" in findings("version: 1\naccounts:\n" + many)[0]


def test_two_accounts_cannot_share_a_name_or_a_key() -> None:
    """The second one is blamed, at its place."""
    name, key = findings(START + ACCOUNT)
    assert name == "c.yaml:4:12: a second account is called `main`; each needs a name of its own"
    assert key.startswith("c.yaml:4:32: the accounts `main` and `main` use the same API key; one account serves all")


def test_all_findings_come_at_once() -> None:
    """A merchant mends a file in one go."""
    text = account("api_key: abcdefgh\nrulez: x\nmode: alive\n") + "limits: {breaker: 0}\nmod: live\n"
    assert [finding.split(":")[1] for finding in findings(text)] == ["4", "5", "6", "7", "8"]


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    """Whatever follows a good start, the result is settings or findings with a place."""
    try:
        shown: tuple[str, ...] = ("c.yaml:",) * len(settings(START + text).accounts)
    except ConfigError as error:
        shown = error.findings
    assert shown
    assert all(finding.startswith("c.yaml:") for finding in shown)


def test_an_unknown_account_is_told_the_known_ones() -> None:
    """``--account`` with a misspelt name helps."""
    with pytest.raises(UsageError, match="the accounts are: main"):
        settings(START).account("mian")


@pytest.mark.parametrize("host", ["https://a.example", "*", "a b", "A.example", "*.com/x"])
def test_a_picture_host_is_a_host(host: str) -> None:
    """Not a whole address, and not the world."""
    with pytest.raises(ConfigError) as caught:
        parse_settings(f"{START}exchange: {{picture_hosts: ['{host}']}}\n", Path("c.yaml"), PLACES)
    assert "is not a host" in caught.value.findings[0]


@pytest.mark.parametrize("key", ["api_secret_file", "api_secret_env", "api_secret_credential", "private_key_file"])
def test_a_source_without_a_value_is_not_given(key: str) -> None:
    """A key whose value was forgotten is a finding, not a crash."""
    (only,) = findings(account(f"api_key_file: key\n{key}:\n"))
    assert "nothing to sign with" in only


def test_a_password_in_an_address_is_not_repeated() -> None:
    """Neither in the sentence nor in the line that is shown."""
    with pytest.raises(ConfigError) as caught:
        settings(START + "exchange: {rest_url: 'https://me:HUNTER2@api.example.com', nonsense: 1}\n")
    assert len(caught.value.findings) == 2
    assert "HUNTER2" not in "".join(caught.value.findings)


def test_a_secret_in_a_text_of_several_lines_is_not_repeated() -> None:
    """One sign too many made the next line a part of this value."""
    with pytest.raises(ConfigError) as caught:
        settings("version: 1\nmode: |\n  api_key: HUNTER2\naccounts:\n" + ACCOUNT)
    assert "HUNTER2" not in "".join(caught.value.findings)
