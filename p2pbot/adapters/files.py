"""The door to rule files: a file, or a directory's ``*.yaml`` and ``*.yml``, as texts by name.

Promise: bounded in number and size; every error is a ConfigError that names the file. Nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from p2pbot.errors import ConfigError

MAX_FILES = 200  # the loader's own bound; one more is read so that it can say so
MAX_BYTES = (
    1_000_000  # the loader refuses more than 256 KiB with a position; this only keeps a wrong file out of memory
)
TESTS = "tests"  # the directory below the rules with files of tests alone
_SUFFIXES = frozenset({".yaml", ".yml"})


def read_rules(path: Path) -> dict[str, str]:
    """Return the texts of a rule file or of a directory's rule files, by the name that findings carry.

    A directory is read without its subdirectories and hidden files, in the order of names. Raises ConfigError.
    """
    try:
        files = _rule_files(path) if path.is_dir() else [path]
        texts = {str(file): _text(file) for file in files}
    except OSError as error:
        place = error.filename or path
        raise ConfigError(
            f"{place}: {error.strerror or 'cannot be read'}", remedy="check the path and its rights"
        ) from None
    if not texts:
        raise ConfigError(f"{path}: no rule file (*.yaml) in this directory", remedy="write one, or name another path")
    return texts


def read_tests(path: Path) -> dict[str, str]:
    """Return the texts of the directory ``tests`` below a directory of rules; none when there is none."""
    below = path / TESTS
    return read_rules(below) if below.is_dir() and _rule_files(below) else {}


def stamp_of_rules(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells one state of the rule files and their tests from another: names, times of change in ns, sizes.

    It never raises: what cannot be looked at is simply not there, and reading it says why.
    """
    try:
        files = _rule_files(path) if path.is_dir() else [path]
        files += _rule_files(path / TESTS) if (path / TESTS).is_dir() else []
    except OSError:
        return ()
    return tuple(stamp for file in files if (stamp := _stamp(file)) is not None)


def _stamp(file: Path) -> tuple[str, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return f"{file.parent.name}/{file.name}", status.st_mtime_ns, status.st_size


def _rule_files(directory: Path) -> list[Path]:
    found = (entry for entry in directory.iterdir() if entry.suffix in _SUFFIXES and not entry.name.startswith("."))
    return sorted(entry for entry in found if entry.is_file())[: MAX_FILES + 1]


def _text(file: Path) -> str:
    """Return a file's text. Raises ConfigError when it is too large or not UTF-8."""
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{file}: more than {MAX_BYTES} bytes; this is no rule file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}:{line}: not UTF-8 text", remedy="save the file as UTF-8") from None
