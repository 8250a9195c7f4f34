"""A log line is one line, short, complete, and holds no secret, whatever produced it."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.adapters.logs import MAX_LINE_BYTES, LogEvents, foreign_lines, make_log, open_log
from p2pbot.adapters.plain import MAX_ITEMS
from p2pbot.model import Reason
from p2pbot.secret import Secret

CANARY = "canary/+ 7f3a9c\"e1'&=b2"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class Gone(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, text: str) -> int:
        """Fail."""
        raise BrokenPipeError(text)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the JSON lines that were written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def raised(text: str) -> ValueError:
    """Return an error that was raised, with its traceback."""
    with pytest.raises(ValueError, match=r".") as caught:
        raise ValueError(text)
    return caught.value


@pytest.fixture
def out() -> io.StringIO:
    """Return the stream."""
    return io.StringIO()


@pytest.fixture
def log(out: io.StringIO) -> LogEvents:
    """Return a JSON log that writes to it."""
    return make_log(out, output="json", level="debug")


def test_a_line_is_json_with_time_level_and_event_first(log: LogEvents, out: io.StringIO) -> None:
    """A line can be read by eye and by machine; times are UTC."""
    log.info("chat.open", account="main", attempts=2)
    (line,) = lines_of(out)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "chat.open", "account": "main", "attempts": 2}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (10**30, str(10**30)),
        pytest.param(10**5000, "<int>", id="huge"),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (Decimal("1.50"), "1.50"),
        (Reason.TOO_OLD, "too_old"),
        (b"raw frame", "<9 bytes>"),
        (("a", 1), ["a", 1]),
        ({"a": {"b": [1]}}, {"a": {"b": [1]}}),
        (Secret("a secret value"), "<secret>"),
        (ValueError("no"), "ValueError: no"),
        (list(range(40)), [*range(MAX_ITEMS), "…+8"]),
        ({str(n): n for n in range(40)}, {str(n): n for n in range(MAX_ITEMS)} | {"…": "+8"}),
        ("оплата 付款", "оплата 付款"),
    ],
)
def test_a_value_is_plain_data(log: LogEvents, out: io.StringIO, value: object, shown: object) -> None:
    """Every type has its form; sizes are bounded; bytes are never shown."""
    log.info("x", value=value)
    assert lines_of(out)[0]["value"] == shown


@pytest.mark.parametrize("output", ["json", "console"])
@pytest.mark.parametrize("bad", ["a\nfake line", "\x1b[2Jgone", "\r\u2028\u2029x", "\u202eevil", "\ud800"])
def test_a_value_cannot_forge_a_line(out: io.StringIO, output: str, bad: str) -> None:
    """Control characters arrive as their codes, in values, keys and event names."""
    make_log(out, output=output).info(bad, **{bad: {bad: bad}})
    text = out.getvalue()
    assert len(text.splitlines()) == 1
    assert not set(text) & set("\x1b\r\u2028\u2029\u202e\ud800")


@pytest.mark.parametrize("output", ["json", "console"])
@pytest.mark.parametrize(
    "spelt",
    [CANARY, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode(), repr(CANARY), json.dumps(CANARY)],
    ids=["raw", "url", "base64", "repr", "json"],
)
def test_no_spelling_of_a_secret_reaches_the_stream(out: io.StringIO, output: str, spelt: str) -> None:
    """In an event, a value, a nested value, a key, bound or in context: a known secret is gone."""
    canary = Secret(CANARY)
    log = make_log(out, output=output).bind(bound=spelt)
    with structlog.contextvars.bound_contextvars(context=spelt):
        log.info(spelt, value=spelt, nested={"a": [{"b": spelt}]}, **{spelt: canary})
    text = out.getvalue()
    assert "<secret>" in text
    assert "7f3a9c" not in text
    assert spelt.strip("'\"=") not in text


@pytest.mark.parametrize("output", ["json", "console"])
def test_no_exception_shows_a_secret(out: io.StringIO, output: str) -> None:
    """Neither the text of an exception, nor that of its cause, nor a local variable of the traceback."""
    canary = Secret(CANARY)

    def sign(local: str) -> None:
        error = ValueError(f"GET /?signature={quote(local, safe='')}")
        error.add_note(f"note {local}")
        raise error

    def call(local: str) -> None:
        try:
            sign(local)
        except ValueError as error:
            raise RuntimeError(f"refused {local}") from error

    with pytest.raises(RuntimeError) as caught:
        call(canary.reveal())
    make_log(out, output=output).error("boom", exc_info=caught.value)
    text = out.getvalue()
    assert "RuntimeError: refused <secret>" in text
    assert "ValueError: GET /?signature=<secret>" in text
    assert "7f3a9c" not in text


def test_a_secret_at_the_place_of_the_cut_is_gone(log: LogEvents, out: io.StringIO) -> None:
    """The text is cut after the secret is taken out, so no half of it stays."""
    canary = Secret("0123456789abcdef0123456789abcdef")
    for offset in (4064, 4080, 4090):
        log.info("x", value="." * offset + canary.reveal() + "." * 9000)
    assert "0123" not in out.getvalue()


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=3000), max_size=60))
def test_a_line_is_bounded_and_json(values: dict[str, str]) -> None:
    """Whatever is logged, a line has at most 8 KiB, and machines can read it."""
    out = io.StringIO()
    make_log(out, output="json").info("x", **{f"k{key}": value for key, value in values.items()})
    (line,) = out.getvalue().splitlines()
    assert len(line.encode()) <= MAX_LINE_BYTES
    assert json.loads(line)["event"] == "x"


def test_too_many_values_leave_the_event(log: LogEvents, out: io.StringIO) -> None:
    """A line that no cutting makes short enough says so."""
    log.info("big", **{f"value{number}": "x" * 100 for number in range(500)})
    (line,) = lines_of(out)
    assert (line["event"], line["cut"]) == ("big", "too many values for one line")


def test_the_end_of_a_long_traceback_stays(log: LogEvents, out: io.StringIO) -> None:
    """What was raised stands at the end, so the middle is cut."""
    log.error("boom", exc_info=raised("x" * 20_000 + " the very end"))
    trace = lines_of(out)[0]["exception"]
    assert trace.startswith("Traceback")
    assert trace.endswith("the very end")


def test_the_console_marks_the_lines_of_a_traceback(out: io.StringIO) -> None:
    """A text in an exception cannot pass for a line of ours."""
    error = raised("x\n2026-01-01T00:00:00Z [info] all is well")
    make_log(out, output="console").error("boom", exc_info=error)
    first, *others = out.getvalue().splitlines()
    assert "boom" in first
    assert all(line.startswith("  | ") for line in others)


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)], ids=["pipe", "terminal"])
def test_auto_asks_the_stream(stream: io.StringIO, *, is_json: bool) -> None:
    """A person gets columns, a machine JSON."""
    make_log(stream, output="auto").info("x")
    assert stream.getvalue().startswith("{") is is_json


def test_a_lower_level_is_silent(out: io.StringIO) -> None:
    """The configured level and those above are written."""
    log = make_log(out, output="json", level="warning")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [line["event"] for line in lines_of(out)] == ["c", "d"]


def test_bound_values_stand_in_each_line(log: LogEvents, out: io.StringIO) -> None:
    """``bind`` leaves the log it came from as it was."""
    log.bind(account="main").info("a", order="7")
    log.info("b")
    assert [(line.get("account"), line.get("order")) for line in lines_of(out)] == [("main", "7"), (None, None)]


async def test_context_values_stay_within_their_task(log: LogEvents, out: io.StringIO) -> None:
    """Two orders that are talked to at once do not mix their lines."""

    async def talk(order: str) -> None:
        with structlog.contextvars.bound_contextvars(order=order):
            await asyncio.sleep(0)
            log.info(order)

    await asyncio.gather(talk("1"), talk("2"))
    assert [(line["event"], line["order"]) for line in lines_of(out)] == [("1", "1"), ("2", "2")]


class Hostile:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class HostileMapping(Mapping[str, str]):
    """A mapping that cannot be read."""

    def __getitem__(self, key: str) -> str:
        raise RuntimeError(key)

    def __iter__(self) -> Any:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


def test_a_log_call_never_raises(log: LogEvents, out: io.StringIO) -> None:
    """An object that cannot be shown is named; a line that cannot be made is said to have failed."""
    log.info("a", value=Hostile())
    log.info("b", value=HostileMapping())
    log.bind(value=HostileMapping()).info("c")
    first, second = lines_of(out)
    assert first["value"] == "<Hostile>"
    assert (second["event"], second["failed"], second["kind"]) == ("log.line_failed", "b", "RuntimeError")


def test_a_stream_that_is_gone_is_no_trouble() -> None:
    """A daemon goes on when nobody reads its log."""
    make_log(Gone(), output="json").info("x")
    closed = io.StringIO()
    log = make_log(closed, output="json")
    closed.close()
    log.info("x")


def test_a_narrow_encoding_is_no_trouble() -> None:
    """A stream of plain ASCII gets escapes."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    make_log(stream, output="json").info("x", text="оплата")
    assert json.loads(raw.getvalue())["text"] == "оплата"
    assert raw.getvalue().isascii()


def test_lines_of_other_libraries_go_the_same_way(log: LogEvents, out: io.StringIO) -> None:
    """From WARNING on, with their logger's name, scrubbed; malformed ones are shown as they are."""
    canary = Secret(CANARY)
    with foreign_lines(log):
        logging.getLogger("aiohttp.client").warning("url %s", canary.reveal())
        logging.getLogger("websockets").info("chatter")
        logging.getLogger("asyncio").error("two %s %s", *["one"])
        logging.getLogger("odd").log(35, "between levels")
    assert [(line["logger"], line["level"], line["event"]) for line in lines_of(out)] == [
        ("aiohttp.client", "warning", "url <secret>"),
        ("asyncio", "error", "two %s %s"),
        ("odd", "warning", "between levels"),
    ]


def test_a_foreign_exception_has_its_traceback(log: LogEvents, out: io.StringIO) -> None:
    """What asyncio says of a task that nobody awaited is whole."""
    with foreign_lines(log):
        logging.getLogger("asyncio").error("never retrieved", exc_info=raised("deep"))
    assert lines_of(out)[0]["exception"].endswith("ValueError: deep")


def test_warnings_are_lines_too(log: LogEvents, out: io.StringIO) -> None:
    """A warning of Python goes to the log instead of past it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with foreign_lines(log):
            warnings.warn("an unclosed thing", ResourceWarning, stacklevel=1)
    assert "an unclosed thing" in lines_of(out)[0]["event"]


def test_errors_that_nobody_can_catch_are_lines_too(log: LogEvents, out: io.StringIO) -> None:
    """Of a thread, and of a clean-up: with their traceback, without a secret."""
    canary = Secret(CANARY)

    def fail() -> None:
        raise RuntimeError(f"in a thread {canary.reveal()}")

    class Failing:
        def __del__(self) -> None:
            raise RuntimeError(f"in a clean-up {canary.reveal()}")

    with foreign_lines(log):
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        Failing()
        gc.collect()
    assert [line["event"] for line in lines_of(out)] == ["log.thread_died", "log.error_in_cleanup"]
    assert [line["exception"].splitlines()[-1] for line in lines_of(out)] == [
        "RuntimeError: in a thread <secret>",
        "RuntimeError: in a clean-up <secret>",
    ]


def test_routing_ends_with_its_context(log: LogEvents) -> None:
    """Whoever embeds p2pbot gets his logging back."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:], threading.excepthook, sys.unraisablehook)
    with foreign_lines(log):
        assert root.handlers != before[1]
    assert (root.level, root.handlers, threading.excepthook, sys.unraisablehook) == before


def test_the_daemons_log_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """``open_log`` writes there, JSON when it is no terminal."""
    open_log(output="auto", level="info").info("x")
    assert json.loads(capsys.readouterr().out)["event"] == "x"
