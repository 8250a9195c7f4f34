"""The command line: parse, call, print, exit.

Each command is a module here with ``register(commands)``: it adds its parser to the subparsers and sets ``handler`` to
a function from the parsed arguments to an exit code: 0 done, 1 failure, 2 usage, 78 configuration. ``--config`` and
``--debug`` are added to every parser that has no subparsers; ``options.settings_of`` reads what they name.

Promise: an error that a person can mend is a sentence with its remedy on standard error, never a traceback; no text
that is shown holds a known secret. Only the module of the command that was called is imported.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from p2pbot.errors import ConfigError, P2pbotError, StateError, StateUnwritable, UsageError

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h; systemd does not start the daemon again after it
EXIT_INTERRUPTED = 130  # as shells count a program that ended by SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. ``argv`` is without the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _forgive_encodings()
    try:
        code = _called(arguments)
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_FAILURE
    except KeyboardInterrupt:
        _say("p2pbot: stopped")
        return EXIT_INTERRUPTED
    except P2pbotError as error:
        return _report(error, debug="--debug" in arguments)
    except Exception:  # noqa: BLE001 - the last place where a bug can be told to a person
        _say(traceback.format_exc())
        _say("p2pbot: this is a bug in p2pbot; please report the lines above")
        return EXIT_FAILURE
    return code


def exit_code(error: P2pbotError) -> int:
    """Return the exit code that an error means."""
    if isinstance(error, UsageError):
        return EXIT_USAGE
    if isinstance(error, StateUnwritable):
        return EXIT_FAILURE  # space comes back: whoever started it must try again
    return EXIT_CONFIG if isinstance(error, ConfigError | StateError) else EXIT_FAILURE


def _called(arguments: list[str]) -> int:
    """Parse and call. Help and version end in SystemExit, which is their exit code."""
    from p2pbot.cli.parser import parse  # noqa: PLC0415 - it is needed inside the handling of errors only

    try:
        parsed = parse(arguments)
        code: int = parsed.handler(parsed)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_FAILURE
    return code


def _report(error: P2pbotError, *, debug: bool) -> int:
    if debug:
        _say("".join(traceback.format_exception(error)))
    for finding in getattr(error, "findings", ()):
        _say(finding)
    _say(f"p2pbot: {error}")
    return exit_code(error)


def _say(text: str) -> None:
    """Write to standard error: no secret, no control character but line breaks."""
    from p2pbot.adapters.redaction import escape, scrub  # noqa: PLC0415 - only trouble needs it

    lines = [escape(line) for line in scrub(text).rstrip("\n").split("\n")]
    if sys.stderr:
        sys.stderr.write("\n".join(lines) + "\n")


def _forgive_encodings() -> None:
    """Let a terminal that lacks a letter show its code instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if stream and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _forget_stdout() -> None:
    """Point standard output at nothing, or Python complains about the broken pipe once more at its end."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError, AttributeError):
        return  # no real standard output, no complaint
