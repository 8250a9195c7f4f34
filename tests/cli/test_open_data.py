"""``open-data`` against the simulated exchange over TLS: a customer's open id, and nothing said that should not be."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from p2pbot.adapters.open_ids import load_open_ids
from p2pbot.cli import main
from p2pbot.sandbox import Sandbox, SandboxAccount, SandboxOptions
from p2pbot.sandbox.kit import MINI_PROGRAM_FILES, account_kits, write_configuration
from p2pbot.sandbox.mini_program import mini_program_kit
from tests.fakes.mini_program import ACCESS_KEY, APP_ID, OPEN_ID, SECRET_KEY, private_pem, program

ORDER = "20476365073825144832"
KEYS = ("access_key_file: mp.key", "secret_key_file: mp.secret", "private_key_file: mp.pem")


@dataclass
class Shop:
    """A sandbox, a configuration beside it, and the command line called with it."""

    path: Path
    box: Sandbox
    capsys: pytest.CaptureFixture[str]
    keys: list[str] = field(default_factory=lambda: list(KEYS))
    more: str = ", open_ids: ids.yaml"

    def token(self) -> str:
        """Let a customer agree now; return the data token."""
        token: str = self.box.perform("open_data_token", {"app_id": APP_ID, "open_id": OPEN_ID})["token"]
        return token

    def file(self, name: str, text: str) -> None:
        """Write a file that only its owner can read."""
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o600)

    def write(self) -> Path:
        """Write the configuration; return its path."""
        exchange = f"{{open_data_url: '{self.box.rest_url}', ca_file: '{self.box.ca_file}'}}"
        program = f"{{app_id: {APP_ID}, {', '.join(self.keys)}}}"
        account = f"{{name: main, api_key_file: k, api_secret_file: s, open_data: {program}"
        text = f"version: 1\nexchange: {exchange}\naccounts:\n  - {account}{self.more}}}\n"
        (self.path / "config.yaml").write_text(text)
        return self.path / "config.yaml"

    async def call(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command; return its exit code and what it said on both outputs."""
        code = await asyncio.to_thread(main, ["open-data", "--config", str(self.write()), *arguments])
        said = self.capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
async def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Shop]:
    """Open a sandbox that knows the Mini Program, and a shop with all its keys."""
    account = SandboxAccount(name="main", api_key="key-of-main", hmac_secret="made-up-for-tests")
    options = SandboxOptions(accounts=(account,), directory=tmp_path / "exchange", mini_programs=(program(),))
    async with Sandbox(options) as box:
        made = Shop(tmp_path, box, capsys)
        made.file("mp.key", ACCESS_KEY)
        made.file("mp.secret", SECRET_KEY)
        made.file("mp.pem", private_pem())
        yield made


async def test_the_open_id_and_nothing_else_is_printed(shop: Shop) -> None:
    """A data token becomes the customer's open id on one line."""
    assert await shop.call(shop.token()) == (0, f"{OPEN_ID}\n", "")
    assert shop.box.world.open_data.codes == ["000000"]
    assert not (shop.path / "ids.yaml").exists()


async def test_a_token_may_come_by_standard_input(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lone dash reads it, so that it shows in no list of processes."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{shop.token()}\n"))
    assert (await shop.call("-"))[:2] == (0, f"{OPEN_ID}\n")


async def test_an_encrypted_private_key_is_read_with_its_passphrase(shop: Shop) -> None:
    """The passphrase has a source of its own."""
    shop.file("mp.pem", private_pem(passphrase="a passphrase"))
    shop.file("mp.phrase", "a passphrase")
    shop.keys.append("private_key_passphrase_file: mp.phrase")
    assert (await shop.call(shop.token()))[:2] == (0, f"{OPEN_ID}\n")


async def test_an_order_is_remembered_as_the_customers(shop: Shop) -> None:
    """With --remember the account's file says whose the order is."""
    assert (await shop.call(shop.token(), "--remember", ORDER))[0] == 0
    assert load_open_ids(shop.path / "ids.yaml").find(ORDER, "") == OPEN_ID


async def test_a_wrong_private_key_is_one_sentence(shop: Shop) -> None:
    """Exit code 78; what came out of the decryption is neither shown nor remembered."""
    shop.file("mp.pem", private_pem("stranger"))
    code, out, err = await shop.call(shop.token(), "--remember", ORDER)
    assert (code, out) == (78, "")
    assert err == (
        "p2pbot: the exchange's answer does not open with the private key for open data – "
        "configure the key whose public half is registered with the Mini Program\n"
    )
    assert not (shop.path / "ids.yaml").exists()


async def test_a_token_that_is_not_known_is_a_failure(shop: Shop) -> None:
    """Exit code 1, the remedy, and the token is not repeated."""
    code, out, err = await shop.call("never-issued-token")
    assert (code, out) == (1, "")
    assert "(900201)" in err
    assert "never-issued-token" not in err


async def test_a_wrong_secret_key_is_a_failure(shop: Shop) -> None:
    """900002 names keys and clock, and shows neither key."""
    shop.file("mp.secret", "another-secret-key-0123456789abcdef")
    code, _, err = await shop.call(shop.token())
    assert code == 1
    assert "this machine's clock" in err
    assert ACCESS_KEY not in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("",), 2, "a data token is a text of 1 to 4096 characters"),
        (("t", "--remember", "../x"), 2, "an order's number has digits only"),
        (("t", "--account", "other"), 2, "there is no account `other`"),
        ((), 2, "TOKEN"),
    ],
)
async def test_a_wrong_command_line_asks_nothing(shop: Shop, arguments: tuple[str, ...], code: int, said: str) -> None:
    """A mistake of the caller costs no token."""
    result, _, err = await shop.call(*arguments)
    assert result == code
    assert said in err
    assert shop.box.world.open_data.codes == []


async def test_remembering_needs_a_file_to_remember_in(shop: Shop) -> None:
    """Without open_ids the token is not spent."""
    shop.more = ""
    code, _, err = await shop.call(shop.token(), "--remember", ORDER)
    assert (code, shop.box.world.open_data.codes) == (78, [])
    assert "open_ids: open-ids.yaml" in err


@pytest.mark.parametrize(("name", "text"), [("mp.pem", "no key"), ("mp.key", "two words"), ("mp.secret", "")])
async def test_keys_that_cannot_be_used_ask_nothing(shop: Shop, name: str, text: str) -> None:
    """Each key is read before the token is spent."""
    shop.file(name, text)
    assert ((await shop.call(shop.token()))[0], shop.box.world.open_data.codes) == (78, [])


async def test_accounts_without_a_mini_program_say_so(shop: Shop) -> None:
    """The way to configure one is named."""
    config = shop.write()
    config.write_text("version: 1\naccounts:\n  - {name: main, api_key_file: k, api_secret_file: s}\n")
    code = await asyncio.to_thread(main, ["open-data", "--config", str(config), "t"])
    assert code == 78
    assert "docs/open-data.md" in shop.capsys.readouterr().err


async def test_of_several_mini_programs_one_must_be_named(shop: Shop) -> None:
    """Nobody's token is asked for by guess."""
    program = f"{{app_id: {APP_ID}, {', '.join(KEYS)}}}"
    shop.more = f"}}\n  - {{name: two, api_key_file: k2, api_secret_file: s2, open_data: {program}"
    code, _, err = await shop.call("t")
    assert code == 2
    assert "add --account: main, two" in err
    assert (await shop.call(shop.token(), "--account", "two"))[:2] == (0, f"{OPEN_ID}\n")


async def test_what_the_sandbox_writes_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys and configuration of `p2pbot sandbox --mini-program` serve as they are, and stay at the next start."""
    (kit,) = account_kits(tmp_path, ["main"])
    known = mini_program_kit(tmp_path)
    assert known == mini_program_kit(tmp_path)
    options = SandboxOptions(accounts=(kit.account,), directory=tmp_path, mini_programs=(known,))
    async with Sandbox(options) as box:
        write_configuration(tmp_path, [kit], box.rest_url, box.ca_file, facts=True, mini_program=True)
        token = box.perform("open_data_token", {"app_id": known.app_id, "open_id": OPEN_ID})["token"]
        command = ["open-data", "--config", str(tmp_path / "config.yaml"), token, "--remember", ORDER]
        assert await asyncio.to_thread(main, command) == 0
    assert capsys.readouterr().out == f"{OPEN_ID}\n"
    assert load_open_ids(tmp_path / "open-ids.yaml").find(ORDER, "") == OPEN_ID
    assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in MINI_PROGRAM_FILES)
