"""The log's door: structlog, one line an event, JSON for machines or columns for a terminal.

Promise: an entry holds no known secret, no control character of a value and at most 8 KiB; a log call never raises.
Lines of other libraries (aiohttp, websockets, asyncio, warnings) go the same way.
Danger: two nets stand between a secret and a line: ``Secret`` prints ``<secret>``, and the last step scrubs the
rendered line after exceptions became text. Neither knows a secret that was never made a ``Secret``. Writing is
synchronous: whoever reads the daemon's output and then stops reading, makes the daemon wait.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import structlog

from p2pbot.adapters.plain import narrowed, plain
from p2pbot.adapters.redaction import scrub

MAX_LINE_BYTES = 8192  # journald and the container runtimes split longer lines
_WIDTHS = (4096, 1024, 256, 64)  # what is left of each text, tried until the line fits
_FIRST = ("timestamp", "level", "event")  # where an eye looks
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)

EventDict = MutableMapping[str, Any]
Renderer = Callable[[Any, str, EventDict], str | bytes]


class LogEvents:
    """``ports.Events`` on structlog. ``bind`` gives a log whose every line carries the values."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def bind(self, **values: object) -> LogEvents:
        """Return a log of the same door whose lines carry ``values``."""
        return LogEvents(self._logger.bind(**values))

    def debug(self, event: str, **values: object) -> None:
        """Say what only a developer wants to know."""
        self.write(logging.DEBUG, event, values)

    def info(self, event: str, **values: object) -> None:
        """Say what happened."""
        self.write(logging.INFO, event, values)

    def warning(self, event: str, **values: object) -> None:
        """Say what a person should know."""
        self.write(logging.WARNING, event, values)

    def error(self, event: str, **values: object) -> None:
        """Say what a person must mend. ``exc_info=error`` adds its traceback, without the values of variables."""
        self.write(logging.ERROR, event, values)

    def write(self, level: int, event: str, values: dict[str, object]) -> None:
        """Write one line; whatever goes wrong with it is a line of its own, never an exception."""
        try:
            self._logger.log(level, event, **values)
        except Exception as error:  # noqa: BLE001 - a log line must never end the daemon
            with suppress(Exception):  # what is bound may be what fails
                self._logger.log(logging.ERROR, "log.line_failed", failed=str(event), kind=type(error).__name__)


def make_log(stream: TextIO, *, output: str = "auto", level: str = "info") -> LogEvents:
    """Return a log that writes to ``stream``; ``output`` is json, console (columns) or auto (console on a terminal)."""
    console = output == "console" or (output == "auto" and stream.isatty())
    render = _console(colour=stream.isatty()) if console else structlog.processors.JSONRenderer(ensure_ascii=False)
    logger = structlog.wrap_logger(
        _Stream(stream),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),  # the plain one: it never shows local variables
            _Line(render, indent=console),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    return LogEvents(logger)


@contextmanager
def foreign_lines(log: LogEvents) -> Iterator[None]:
    """Route the standard library's ``logging`` (from WARNING on) and warnings into ``log`` while the context lasts.

    So go the errors that nobody can catch: of a thread that ends by one, and of a ``__del__``.
    """
    root = logging.getLogger()
    before = (root.level, root.handlers[:], threading.excepthook, sys.unraisablehook)
    root.handlers[:] = [_Foreign(log)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook = lambda args: log.error("log.thread_died", exc_info=args.exc_value)
    sys.unraisablehook = lambda args: log.error("log.error_in_cleanup", exc_info=args.exc_value)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.setLevel(before[0])
        root.handlers[:], threading.excepthook, sys.unraisablehook = before[1:]


def _console(*, colour: bool) -> Renderer:
    return structlog.dev.ConsoleRenderer(colors=colour, exception_formatter=structlog.dev.plain_traceback)


class _Line:
    """The last step: an event's values to one line that is plain, scrubbed and short, in this order."""

    def __init__(self, render: Renderer, *, indent: bool) -> None:
        self._render = render
        self._indent = indent

    def __call__(self, logger: Any, name: str, event_dict: EventDict) -> str:
        values = plain({key: event_dict.pop(key) for key in _FIRST if key in event_dict} | {**event_dict})
        if self._indent and isinstance(trace := values.get("exception"), str):
            values["exception"] = "  | " + trace.replace("\n", "\n  | ")  # a text in it cannot pass for a line of ours
        for width in _WIDTHS:
            line = self._text(logger, name, narrowed(values, width))
            if len(line.encode("utf-8", "replace")) <= MAX_LINE_BYTES:
                return line
        few = {key: values[key] for key in _FIRST if key in values}
        return self._text(logger, name, narrowed(few | {"cut": "too many values for one line"}, 1024))

    def _text(self, logger: Any, name: str, values: dict[str, Any]) -> str:
        return scrub(str(self._render(logger, name, values)))


class _Stream:
    """Writes finished lines. A stream that is gone or full swallows them: there is nobody left to tell."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            self._put(line + "\n")
        except (OSError, ValueError):
            return

    log = debug = info = warn = warning = error = critical = fatal = exception = msg

    def _put(self, text: str) -> None:
        """Write at once and whole; what the stream's encoding lacks becomes an escape."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._stream.flush()


class _Foreign(logging.Handler):
    """A record of ``logging`` as an event of ours."""

    def __init__(self, log: LogEvents) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the record on; its message may be malformed, which is its author's trouble and no reason to raise."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - %-formatting calls code of anybody
            text = str(record.msg)
        level = max((known for known in _LEVELS if known <= record.levelno), default=logging.DEBUG)
        values: dict[str, object] = {"logger": record.name}
        if record.exc_info:
            values["exc_info"] = record.exc_info
        self._log.write(level, text, values)


def open_log(*, output: str, level: str) -> LogEvents:
    """Return the daemon's log on standard output."""
    return make_log(sys.stdout or io.StringIO(), output=output, level=level)
