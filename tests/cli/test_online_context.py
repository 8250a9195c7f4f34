"""``check --online`` reads futures and spot once, by the daemon's own loops."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.adapters.secrets_source import resolve_all
from p2pbot.cli.findings import Checked, Grade
from p2pbot.cli.online import ask_the_exchange
from p2pbot.cli.output import Paint
from p2pbot.config import load_settings
from p2pbot.sandbox import Fault, Sandbox, SandboxOptions
from p2pbot.sandbox.kit import account_kits, write_configuration

_ON = "    futures: {enabled: true}\n    spot: {user_data: subscribe}\n"


async def asked(directory: Path, *faults: Fault, more: str = _ON) -> dict[str, Checked]:
    """Return what is found out of futures and spot, by what it is about."""
    (kit,) = account_kits(directory, ["main"])
    async with Sandbox(SandboxOptions(directory=directory, accounts=(kit.account,), variety=False)) as box:
        write_configuration(directory, (kit,), box.rest_url, box.ca_file)
        for fault in faults:
            await box.inject(fault)
        path = directory / "config.yaml"
        text = path.read_text("utf-8").replace("    rules: rules\n", f"    rules: rules\n{more}")
        places = f"  futures_rest_url: {box.rest_url}\n  ws_api_url: {box.ws_url}/ws-fapi/v1\n"
        places += f"  spot_ws_api_url: {box.ws_url}/ws-api/v3\n  futures_stream_url: {box.ws_url}\n"
        times = "timings: {connect_timeout: 1s, request_timeout: 1s}\n"
        kept = [line for line in text.splitlines(keepends=True) if not line.startswith(_PLACES)]
        path.write_text("".join(kept) + places + times, "utf-8")
        settings = load_settings(path, {})
        checks = await ask_the_exchange(settings, resolve_all(settings.accounts, {}), Paint())
        if not faults:
            kinds = {link.kind.value for link in box.world.context.links("main")}
            assert not kinds, "sockets were left open"
    return {found.about: found for found in checks if found.about in {"main, futures", "main, spot"}}


_PLACES = ("  futures_rest_url:", "  ws_api_url:", "  spot_ws_api_url:", "  futures_stream_url:")


async def test_what_is_switched_on_is_read_once(tmp_path: Path) -> None:
    """Holdings, stream, key, session, clock and weight; no amount is shown."""
    found = await asked(tmp_path)
    assert {name: one.grade for name, one in found.items()} == dict.fromkeys(("main, futures", "main, spot"), Grade.OK)
    futures = found["main, futures"]
    assert futures.said.endswith(": 1 asset, 0 open positions")
    assert found["main, spot"].said.endswith(": 1 asset")
    assert futures.details[:2] == ("the stream is live", "its listenKey is confirmed")
    assert futures.details[2].startswith("the session signs each call, its clock differs by ")
    assert "weight used: " in futures.details[2]


async def test_what_is_off_is_not_asked(tmp_path: Path) -> None:
    """Not a word of it."""
    assert await asked(tmp_path, more="") == {}


@pytest.mark.parametrize("status", [503, 401])
async def test_what_cannot_be_read_is_a_failure_with_its_reason(tmp_path: Path, status: int) -> None:
    """The chat's checks are not touched by it."""
    found = await asked(tmp_path, Fault("link_status", status=status, count=1000))
    assert {one.grade for one in found.values()} == {Grade.FAILED}
    assert all(one.said for one in found.values())
