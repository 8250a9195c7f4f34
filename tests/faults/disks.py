"""File systems of a test's own: a small one that can be filled, and one that goes read-only while in use.

Promise: mounted below the test's directory, unmounted at the end. Needs root; ``why_not`` says what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_IMAGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Disk:
    """A mounted file system."""

    place: Path

    def fill(self) -> None:
        """Leave no byte free; may be asked again when somebody else has made room."""
        with (self.place / "filler").open("ab", buffering=0) as filler:
            for size in (65536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def make_room(self) -> None:
        """Free what ``fill`` took."""
        (self.place / "filler").unlink()

    def protect(self) -> None:
        """Make it read-only, as an administrator or a careful start after a crash does."""
        _run("mount", "-o", "remount,ro", str(self.place))

    def allow(self) -> None:
        """Let it be written to again."""
        _run("mount", "-o", "remount,rw", str(self.place))

    def break_off(self) -> None:
        """Have the kernel make it read-only under whoever writes, as after an error of the device."""
        _run("mount", "-o", "remount,abort", str(self.place))


@contextmanager
def small_disk(place: Path, size: str = "16m") -> Iterator[Disk]:
    """Mount a file system in memory at ``place``: room for a database and its write-ahead log (4 MB and more)."""
    place.mkdir(mode=0o700, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place))
    try:
        yield Disk(place)
    finally:
        _unmount(place)


@contextmanager
def failing_disk(place: Path, image: Path) -> Iterator[Disk]:
    """Mount an ext4 file system from ``image`` (made if it is not there) at ``place``."""
    place.mkdir(mode=0o700, exist_ok=True)
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(_IMAGE_BYTES)
        _run("mkfs.ext4", "-q", str(image))
    _run("mount", "-o", "loop", str(image), str(place))
    try:
        yield Disk(place)
    finally:
        _unmount(place)


def why_not(kind: str) -> str:
    """Return why a disk of this kind (``small``, ``failing``) cannot be had on this machine; '' if it can."""
    if os.geteuid() != 0:
        return "not root"
    tools = ("mount", "umount") if kind == "small" else ("mount", "umount", "mkfs.ext4")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            with small_disk(place / "a") if kind == "small" else failing_disk(place / "a", place / "image"):
                return ""
        except subprocess.CalledProcessError as error:
            return f"the kernel refuses: {error.stderr.decode('utf-8', 'replace').strip()[:200]}"


def _unmount(place: Path) -> None:
    """Unmount; whoever still uses it is an error, which must not leave it behind."""
    try:
        _run("umount", str(place))
    except subprocess.CalledProcessError:
        _run("umount", "--lazy", str(place))
        raise


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words and the test's own paths
