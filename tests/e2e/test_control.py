"""A person's hand while the daemon runs: the real commands against a real daemon, by its socket."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path

from p2pbot.adapters.control_socket import NAME
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli import main
from p2pbot.conversation.records import ActionWord, OutboxState
from p2pbot.model import Reason, Side
from p2pbot.sandbox import Fault
from tests.e2e.stage import OrderSpec, Script, Stage, stage

SHORT = Script(takeover="{mute: 30d}")


async def typed(scene: Stage, *arguments: str) -> tuple[int, str]:
    """Type a command; return its exit code and all that it said."""
    said = io.StringIO()

    def run() -> int:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return main([*arguments, "--config", str(scene.config)])

    code = await asyncio.to_thread(run)
    return code, said.getvalue()


async def opened(scene: Stage) -> str:
    """Return an order that the bot has greeted."""
    await scene.until_open()
    order_no = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
    await scene.until(lambda: len(scene.bot_texts(order_no)) == 1, "the greeting")
    await scene.until_settled(order_no, lambda _, rows: all(row.state.is_final for row in rows))
    return order_no


async def words(scene: Stage, order_no: str) -> list[ActionWord]:
    """Return what people did about an order, as the store has it."""
    store = await SqliteStore.open_readonly(scene.store)
    try:
        return [action.word for action in await store.actions(order_no)]
    finally:
        await store.close()


async def test_a_text_by_hand_is_sent_once_and_the_order_is_left_to_the_person(tmp_path: Path) -> None:
    """The counterparty sees it, the bot is silent there from then on, and unmute gives the order back."""
    async with stage(tmp_path, SHORT) as scene, scene.daemon():
        order_no = await opened(scene)
        code, said = await typed(scene, "send", order_no, "I am here. 我在")
        assert (code, "Nothing was sent" in said) == (1, True)
        code, said = await typed(scene, "send", order_no, "I am here. 我在", "--yes")
        assert code == 0, said
        assert scene.bot_texts(order_no)[1:] == ["I am here. 我在"]
        await scene.box.say(order_no, "how do I pay?")
        await scene.until_settled(order_no, lambda entries, _: any(e.reason is Reason.TAKEN_OVER for e in entries))
        assert (await typed(scene, "unmute", order_no))[0] == 0
        await scene.box.say(order_no, "so how do I pay?")
        await scene.until(lambda: len(scene.bot_texts(order_no)) == 3, "the bot answers again")
        assert await words(scene, order_no) == [ActionWord.SEND, ActionWord.UNMUTE]
        code, said = await typed(scene, "why", order_no)
        assert "by hand: a text was sent (reply 2)" in said
        assert "by hand: taken back" in said


async def test_the_same_wish_is_carried_out_once(tmp_path: Path) -> None:
    """A client that asks again because it did not hear the answer sends nothing twice."""
    async with stage(tmp_path, SHORT) as scene, scene.daemon():
        order_no = await opened(scene)
        line = f'{{"ask":"send","order":"{order_no}","text":"once","key":"one-and-the-same"}}\n'.encode()
        reader, writer = await asyncio.open_unix_connection(scene.store.parent / NAME)
        writer.write(line + line)
        assert b'"ok":true' in await reader.readline()
        assert b"not sent a second time" in await reader.readline()
        writer.close()
        await writer.wait_closed()
        await scene.until_settled(order_no, lambda _, rows: all(row.state.is_final for row in rows))
        assert scene.bot_texts(order_no)[1:] == ["once"]


async def test_nothing_is_sent_by_hand_where_p2pbot_must_be_silent(tmp_path: Path) -> None:
    """Paused, in appeal, and of an order that the exchange does not show: each is refused in a sentence."""
    async with stage(tmp_path, SHORT) as scene, scene.daemon():
        order_no = await opened(scene)
        assert (await typed(scene, "pause", order_no))[0] == 0
        code, said = await typed(scene, "send", order_no, "hello", "--yes")
        assert (code, "paused" in said) == (2, True)
        assert (await typed(scene, "resume", order_no))[0] == 0
        await scene.box.pay(order_no)
        await scene.box.appeal(order_no)
        await scene.until_settled(order_no, lambda entries, _: any(e.key == "e:appeal_opened" for e in entries))
        code, said = await typed(scene, "send", order_no, "hello", "--yes")
        assert (code, "appeal" in said) == (2, True), said
        code, said = await typed(scene, "send", "99999", "hello", "--yes")
        assert (code, "nothing of this order" in said) == (2, True)
        assert len(scene.bot_texts(order_no)) == 1


async def test_shadow_sends_nothing_by_hand(tmp_path: Path) -> None:
    """In mode shadow nothing leaves, whoever asks."""
    async with stage(tmp_path, Script(mode="shadow")) as scene, scene.daemon():
        await scene.until_open()
        order_no = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        code, said = await typed(scene, "send", order_no, "hello", "--yes")
        assert (code, "mode shadow" in said) == (2, True)
        assert scene.bot_texts(order_no) == []


async def test_a_reply_that_waits_can_be_dropped_and_tried_again(tmp_path: Path) -> None:
    """While the rules' delay holds it, it is listed; dropped it is not sent; tried again it is sent once."""
    rules = """
    version: 1
    rules:
      - {id: slow, words: [paid], delay: 50s, expires: 80s, reply: "Thanks for paying."}
    """
    async with stage(tmp_path, Script(rules=rules, takeover="{mute: 30d}")) as scene, scene.daemon():
        await scene.until_open()
        order_no = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order_no, "paid")
        await scene.until_settled(order_no, lambda _, rows: len(rows) == 1)
        code, said = await typed(scene, "outbox", "list")
        assert (code, "waits to be sent" in said) == (0, True)
        code, said = await typed(scene, "outbox", "retry", "1", "--yes")
        assert (code, "waits to be sent already" in said) == (2, True)
        assert (await typed(scene, "outbox", "drop", "1"))[0] == 1
        assert (await scene.outbox(order_no))[0].state is OutboxState.CLAIMED
        assert (await typed(scene, "outbox", "drop", "1", "--yes"))[0] == 0
        assert (await scene.outbox(order_no))[0].reason is Reason.DROPPED_BY_HAND
        assert (await typed(scene, "outbox", "drop", "1", "--yes"))[0] == 2
        code, said = await typed(scene, "outbox", "retry", "1", "--yes")
        assert code == 0, said
        assert (await typed(scene, "outbox", "retry", "1", "--yes"))[0] == 2
        assert scene.bot_texts(order_no) == ["Thanks for paying."]
        assert await words(scene, order_no) == [ActionWord.DROP, ActionWord.RETRY]


async def test_mute_leaves_an_order_to_the_person(tmp_path: Path) -> None:
    """What waits there is not sent, what comes is not answered, and the time is told."""
    async with stage(tmp_path) as scene, scene.daemon():
        order_no = await opened(scene)
        code, said = await typed(scene, "mute", order_no, "--for", "2h")
        assert (code, "of account main, until " in said) == (0, True)
        await scene.box.say(order_no, "how do I pay?")
        await scene.until_settled(order_no, lambda entries, _: any(e.reason is Reason.MUTED for e in entries))
        assert len(scene.bot_texts(order_no)) == 1
        code, said = await typed(scene, "mute", "99999")
        assert (code, "knows nothing" in said) == (2, True)


async def test_reload_tells_what_is_wrong_with_the_rules(tmp_path: Path) -> None:
    """A broken set is refused with its place, the old one runs on; a mended one is taken at once."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        rules = scene.directory / "rules-main" / "10-test.yaml"
        good, before = rules.read_text(), scene.account().rules().hash
        rules.write_text("version: 1\nrules: [{id: a, wrods: x}]\n")
        code, said = await typed(scene, "reload")
        assert code == 1
        assert "10-test.yaml:2:" in said
        assert scene.account().rules().hash == before
        rules.write_text(good + '\n  - {id: more, words: more, reply: "more"}\n')
        code, said = await typed(scene, "reload")
        assert (code, said) == (0, "account main: loaded\n")
        assert scene.account().rules().hash != before


async def test_the_socket_tells_status_and_why(tmp_path: Path) -> None:
    """The daemon's state of this moment, and an order's decisions without anybody's words."""
    async with stage(tmp_path) as scene, scene.daemon():
        order_no = await opened(scene)
        await scene.box.say(order_no, "my secret question")
        await scene.until_settled(order_no, lambda entries, _: len(entries) > 2)
        reader, writer = await asyncio.open_unix_connection(scene.store.parent / NAME, limit=2**20)
        writer.write(b'{"ask":"status"}\n{"ask":"why","order":"%s"}\n' % order_no.encode())
        assert b'"chat":"open"' in await reader.readline()
        told = await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert b'"key":"e:order_created"' in told
        assert b"secret question" not in told


async def test_without_a_daemon_the_commands_say_so(tmp_path: Path) -> None:
    """What needs the daemon is refused; what the store can do is done."""
    async with stage(tmp_path) as scene:
        async with scene.daemon():
            order_no = await opened(scene)
        for command in (("send", order_no, "x", "--yes"), ("reload",), ("outbox", "drop", "1", "--yes")):
            code, said = await typed(scene, *command)
            assert (code, "does not run" in said) == (78, True), said
        assert (await typed(scene, "pause", order_no))[0] == 0
        assert (await typed(scene, "mute", order_no))[0] == 0
        assert (await typed(scene, "outbox", "list"))[0] == 0
        assert await words(scene, order_no) == [ActionWord.PAUSE, ActionWord.MUTE]


async def test_what_a_person_sends_survives_a_lost_echo(tmp_path: Path) -> None:
    """In doubt it is looked up like every reply: shown once."""
    async with stage(tmp_path, SHORT) as scene, scene.daemon():
        order_no = await opened(scene)
        await scene.box.inject(Fault("echo_lost", account="main", count=1))
        code, said = await typed(scene, "send", order_no, "only once", "--yes")
        assert code == 0, said
        assert scene.bot_texts(order_no)[1:] == ["only once"]


async def test_an_open_order_is_forgotten_and_not_answered_twice(tmp_path: Path) -> None:
    """While the daemon runs: the words go from the file, and a fresh look into the history answers nothing again."""
    async with stage(tmp_path) as scene, scene.daemon():
        order_no = await opened(scene)
        await scene.box.say(order_no, "how do I pay, says Quentin?")
        await scene.until(lambda: len(scene.bot_texts(order_no)) == 2, "the answer")
        await scene.until_settled(order_no, lambda _, rows: all(row.state.is_final for row in rows))
        code, said = await typed(scene, "forget", order_no, "--yes")
        assert code == 0, said
        assert "nothing is answered twice" in said
        entries = await scene.inbox(order_no)
        assert [entry.text for entry in entries] == [""] * len(entries)
        files = [file.read_bytes() for file in scene.store.parent.glob("p2pbot.sqlite3*")]
        assert not any(b"Quentin" in data for data in files)
        scene.account().scans.request(order_no, 0)
        await scene.box.say(order_no, "I have sent it")
        await scene.until(lambda: len(scene.bot_texts(order_no)) == 3, "the new message is answered")
        await scene.until(lambda: scene.account().scans.waiting == 0, "the history was read")
        await scene.until_settled(order_no, lambda _, rows: all(row.state.is_final for row in rows))
        assert len(scene.bot_texts(order_no)) == 3
