"""The exchange does not let us in: every status instead of the upgrade, tokens refused, and open doors shut at once."""

from __future__ import annotations

import pytest

from p2pbot.sandbox import Fault
from tests.faults.clocks import LeapingClock
from tests.faults.trial import Trial, some

# Every status that RFC 9110 and its extensions name, but 1xx, which is no answer, and 451, which a person must mend.
QUICKLY = (*range(200, 209), 226, *range(300, 309), *range(400, 419), *range(421, 427), 428, 429, 431, *range(500, 512))
RETRY_AFTER_S = 3


@pytest.mark.parametrize("status", some(QUICKLY, 302, 401, 429, 503))
async def test_handshake_answered_with_a_status(trial: Trial, status: int) -> None:
    """A handshake that is refused once costs one back-off; a status that says how long to wait is obeyed."""
    wait_s = RETRY_AFTER_S if status in (418, 429) else 0
    box = trial.scene.box
    async with trial.daemon():
        await box.inject(Fault("upgrade_status", account="main", status=status, retry_after_s=wait_s, count=1))
        await box.inject(Fault("drop", account="main"))
        await trial.ask(2)
        await trial.until(lambda: trial.connects(101) > 0, "the chat is open again")
        await trial.verdict()
    refused, opened = box.world.connects("main")[-2:]
    assert (refused.status, opened.status) == (status, 101)
    assert opened.at_ms - refused.at_ms >= wait_s * 1000


@pytest.mark.long
@pytest.mark.parametrize("status", [401, 451])
async def test_handshake_refused_for_good(trial: Trial, status: int) -> None:
    """What a person must mend is told to a person and tried slowly; when it is mended, nothing was lost."""
    box = trial.scene.box
    async with trial.daemon():
        standing = await box.inject(Fault("upgrade_status", account="main", status=status))
        await box.inject(Fault("drop", account="main"))
        await trial.ask()
        await trial.until(lambda: trial.said("operator.notice"), "the operator is told")
        refused = trial.connects()
        await box.clear_faults(standing)
        await trial.until(lambda: trial.connects(101) > 0, "the chat is open again", timeout_s=180)
        await trial.verdict()
    assert trial.connects() == refused + 1


async def test_handshake_refused_for_good_is_told_to_a_person(trial: Trial) -> None:
    """A chat that refuses even fresh credentials is tried slowly; the operator is told what to run."""
    box = trial.scene.box
    async with trial.daemon():
        await box.inject(Fault("token_refused", account="main", status=403))
        await box.inject(Fault("drop", account="main"))
        await trial.until(lambda: trial.said("operator.notice", "p2pbot check --online"), "the operator is told")
        assert trial.scene.account().chat.session.wait_s >= 30
        trial.record(note="tried again after 30–60 s, then every quarter of an hour at most; see the long test")


async def test_handshake_accepted_then_closed(trial: Trial) -> None:
    """A server that opens each socket and shuts it at once is met with growing delays, not with a storm."""
    box = trial.scene.box
    async with trial.daemon():
        standing = await box.inject(Fault("accept_then_close", account="main"))
        await box.inject(Fault("drop", account="main"))
        await trial.ask()
        await trial.until(lambda: trial.connects(101) >= 3, "three sockets were shut")
        first, second, third = (one.at_ms for one in box.world.connects("main")[-3:])
        assert second - first >= 1000
        assert third - second >= 2000
        await box.clear_faults(standing)
        await trial.verdict()


async def test_handshake_never_answered(trial: Trial) -> None:
    """A server that takes the connection and never speaks is left after the connect deadline."""
    async with trial.daemon():
        trial.chat.cut()
        trial.hold_handshakes()
        await trial.ask()
        await trial.until_trouble("did not open the chat within")
        trial.chat.heal()
        await trial.verdict()


async def test_handshake_answered_in_another_language(trial: Trial) -> None:
    """Whoever answers the chat's port with something else than TLS is not talked to."""
    async with trial.daemon(), trial.stranger(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        there, trial.chat.upstream = trial.chat.upstream, port
        trial.chat.cut()
        await trial.ask()
        await trial.until_trouble("no encrypted connection")
        trial.chat.upstream = there
        await trial.verdict()


async def test_long_outage_is_told_to_a_person(trial: Trial) -> None:
    """A chat that has been down for more than five minutes is a notice, with its latest cause."""
    clock = LeapingClock()
    async with trial.daemon(clock):
        await trial.chat.down()
        await trial.until_trouble("refuses the connection")
        clock.slept_ms = 400_000
        await trial.scene.box.inject(Fault("clock_skew", skew_ms=400_000))
        await trial.until(lambda: trial.said("operator.notice", "has been down for"), "the operator is told")
        await trial.chat.up()
        await trial.ask(2)
        await trial.verdict(note="400 s of the outage passed on the clock only")


async def test_chat_port_refuses_connections(trial: Trial) -> None:
    """A chat server that is away is tried again until it is back."""
    async with trial.daemon():
        await trial.chat.down()
        await trial.ask(2)
        await trial.until_trouble("refuses the connection")
        await trial.chat.up()
        await trial.verdict()
