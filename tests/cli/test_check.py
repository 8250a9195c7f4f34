"""``check`` finds what is wrong before a customer does, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.adapters.holder import holder
from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from tests.cli.conftest import API_KEY, API_SECRET, CONFIG, Place
from tests.fakes.mini_program import private_pem

CLI = Callable[..., int]


async def nothing(_: SqliteStore) -> None:
    """Leave an empty store."""


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what was said of each part, by its name, the grade first."""
    shown = capsys.readouterr().out.splitlines()
    parts = [line for line in shown if line.startswith(("ok ", "warning ", "failed "))]
    return {line[8:].split(": ", 1)[0]: f"{line[:8].strip()} {line[8:].split(': ', 1)[1]}" for line in parts}


def test_all_is_right(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Each part has its line; exit code 0; not a byte on disk changes, and no key is shown."""
    before = place.files()
    assert p2pbot("check") == 0
    shown = capsys.readouterr()
    assert [line.split(":")[0] for line in shown.out.splitlines()[:4]] == [
        "ok      configuration",
        "ok      keys",
        "ok      rules of main",
        "ok      state directory",
    ]
    assert "accounts: main (shadow)" in shown.out
    assert "1 rule\n" in shown.out
    assert not any(secret in shown.out + shown.err for secret in (API_KEY, API_SECRET))
    assert place.files() == before
    assert not place.state.exists()


def test_a_wrong_configuration_is_told_with_all_findings(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 78; nothing more can be checked."""
    place.config.write_text(CONFIG + "mod: live\nlimits: {breaker: 0}\n")
    assert p2pbot("check") == 78
    told = capsys.readouterr().err
    assert "config.yaml:4:1: unknown key `mod`; did you mean `mode`?" in told
    assert "config.yaml:5:19: must be between 1 and 100, is 0" in told


def test_every_part_is_checked_though_one_failed(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """A merchant mends all in one go: exit code 78."""
    (place.path / "k").chmod(0o644)
    (place.path / "rules" / "10-hello.yaml").write_text("version: 1\nrules:\n  - id: a\n    wrods: [x]\n    reply: y\n")
    assert p2pbot("check") == 78
    shown = capsys.readouterr().out
    assert f"chmod 600 {place.path}/k" in shown
    assert "10-hello.yaml:4:5: unknown key `wrods`; did you mean `words`?" in shown
    assert "ok      state directory" in shown
    assert "Something has to be mended." in shown


def test_a_missing_rules_directory_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """With its path."""
    place.config.write_text(CONFIG.replace("api_secret_file: s", "api_secret_file: s, rules: nowhere"))
    assert p2pbot("check") == 78
    assert lines(capsys)["rules of main"].startswith(f"failed {place.path}/nowhere")


def test_a_private_key_that_is_none_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read as the daemon would read it, and not repeated."""
    place.config.write_text(CONFIG.replace("api_secret_file", "private_key_file"))
    assert p2pbot("check") == 78
    shown = capsys.readouterr().out
    assert "failed  keys" in shown
    assert API_SECRET not in shown


def test_certificates_are_read(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without a certificate is told."""
    (place.path / "ca.pem").write_text("nothing")
    place.config.write_text(CONFIG + "exchange: {ca_file: ca.pem}\n")
    assert p2pbot("check") == 78
    assert "holds no certificate" in lines(capsys)["certificates"]


def test_a_database_of_another_program_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """And it stays as it is."""
    place.state.mkdir()
    database = place.state / "p2pbot.sqlite3"
    database.write_bytes(b"something else")
    assert p2pbot("check") == 78
    assert "not a SQLite database" in lines(capsys)["state directory"]
    assert database.read_bytes() == b"something else"


def test_a_state_directory_in_a_file_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in the way is named."""
    (place.path / "file").touch()
    place.config.write_text(CONFIG + "state_dir: file/state\n")
    assert p2pbot("check") == 78
    assert f"cannot be written by this user – mend {place.path}/file" in lines(capsys)["state directory"]


def test_an_odd_configuration_is_a_warning(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """It works, exit code 0, and the place is shown."""
    place.config.write_text(CONFIG + "log: {level: info}\nstate_dir: my state #1\n")
    assert p2pbot("check") == 0
    shown = capsys.readouterr().out
    assert "warning configuration" in shown
    assert "the text is cut at ' #'" in shown


def test_a_running_daemon_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Offline, that is no trouble."""
    place.with_store(nothing)
    with FileLease(place.state):
        assert p2pbot("check") == 0
    assert "the daemon runs (process " in lines(capsys)["state directory"]


def test_online_is_refused_beside_a_running_daemon(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exchange would throw the daemon's chats out: exit code 78, with the way round."""
    place.with_store(nothing)
    with FileLease(place.state):
        assert p2pbot("check", "--online") == 78
    assert "or add --force" in capsys.readouterr().err


def test_who_holds_a_directory(tmp_path: Path) -> None:
    """Nobody, then us, then nobody; asking leaves nothing behind and takes nothing away."""
    assert holder(tmp_path / "nowhere") == ""
    with FileLease(tmp_path) as lease:
        assert holder(tmp_path).startswith("process ")
        assert lease.held("main")
    assert holder(tmp_path) == ""
    FileLease(tmp_path).close()


def test_a_mini_program_and_a_file_of_open_ids_are_looked_at(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `open-data` would need is checked without asking anybody, and the customers are counted, not named."""
    keys = "access_key_file: k, secret_key_file: s, private_key_file: mp.pem"
    account = f"open_ids: ids.yaml, open_data: {{app_id: ozSQnakAm7apa6ew7crPYd, {keys}}}"
    place.config.write_text(CONFIG.replace("api_secret_file: s", f"api_secret_file: s, {account}"))
    (place.path / "ids.yaml").write_text("customers:\n  - {order: '1', open_id: oXk29dQe7Rb1}\n")
    assert p2pbot("check") == 78
    said = lines(capsys)
    assert said["open data of main"].startswith("failed")
    assert said["open ids of main"] == f"ok {place.path / 'ids.yaml'}: 1 line"
    (place.path / "mp.pem").write_text(private_pem())
    (place.path / "mp.pem").chmod(0o600)
    (place.path / "ids.yaml").write_text("customers: 5\n")
    assert p2pbot("check") == 78
    said = lines(capsys)
    assert said["open data of main"] == "ok app ozSQnakAm7apa6ew7crPYd; its keys are there"
    assert said["open ids of main"].startswith("failed")


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ("", {"balance", "futures"}),
        (", spot: {user_data: subscribe}", {"futures"}),
        (", futures: {enabled: true}", set()),
    ],
)
def test_rules_that_ask_for_what_is_not_read_are_a_warning(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], more: str, unread: set[str]
) -> None:
    """They are silent as long as the account's futures and spot are off, which nobody would see otherwise."""
    (place.path / "rules" / "balance.yaml").write_text(
        "version: 1\nrules:\n  - id: low\n    words: available\n"
        "    when: {balance: {USDT: '<9'}, futures: {margin_call: no}}\n    reply: Little.\n"
    )
    place.config.write_text(CONFIG.replace("api_secret_file: s}", f"api_secret_file: s{more}}}"))
    assert p2pbot("check") == 0
    shown = capsys.readouterr().out
    assert {group for group in ("balance", "futures", "spot") if f"rules ask for `{group}`" in shown} == unread
    assert ("warning rules of main" in shown) is bool(unread)


@pytest.mark.parametrize("known", [False, True])
def test_rules_that_ask_who_a_customer_is_need_a_file_that_says_it(
    place: Place,
    p2pbot: CLI,
    capsys: pytest.CaptureFixture[str],
    known: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Without it they are silent, which nobody would see otherwise."""
    rule = "  - {id: vip, words: hi, when: {counterparty: {open_id: '*'}}, reply: Hello again}\n"
    (place.path / "rules" / "vip.yaml").write_text(f"version: 1\nrules:\n{rule}")
    if known:
        place.config.write_text(CONFIG.replace("api_secret_file: s}", "api_secret_file: s, open_ids: ids.yaml}"))
    assert p2pbot("check") == 0
    assert ("rules ask for `counterparty.open_id`" in capsys.readouterr().out) is not known


def test_events_that_the_exchange_would_not_send_are_a_warning(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt name is silence on the stream; off, nobody asks for any."""
    events = "exchange: {futures_events: [ACOUNT_UPDATE, ORDER_TRADE_UPDATE]}\n"
    place.config.write_text(CONFIG + events)
    assert p2pbot("check") == 0
    assert "futures events" not in capsys.readouterr().out
    place.config.write_text(
        CONFIG.replace("api_secret_file: s}", "api_secret_file: s, futures: {enabled: true}}") + events
    )
    assert p2pbot("check") == 0
    shown = capsys.readouterr().out
    assert "warning futures events" in shown
    assert "ACOUNT_UPDATE is no event that p2pbot knows" in shown
    assert " ACCOUNT_UPDATE is missing: p2pbot will never hear of it" in shown
    assert "ORDER_TRADE_UPDATE is missing" not in shown
