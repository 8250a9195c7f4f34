"""The lock says what is installed: whole, fresh, hashed, explained, and silent about where it came from."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("run", "build", "dev")  # one environment can hold these together
ALL = (*LOCKS, "clients")  # the clients of others have one of their own
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*?)(?=^\S|\Z)", re.DOTALL | re.MULTILINE)
WANTED_HERE = re.compile(
    r"# +(?:via )?(?:p2pbot \(pyproject\.toml\)|-r requirements/(?:build|clients)\.in)$", re.MULTILINE
)


@dataclass(frozen=True)
class Pin:
    """One locked package: its version, the hashes of its files, and whether one of our own inputs asks for it."""

    version: Version
    hashes: int
    ours: bool


def read_lock(name: str) -> dict[str, Pin]:
    """Return the pins of ``requirements/name.txt`` by normalised name."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return {
        canonicalize_name(found["name"]): Pin(
            Version(found["version"]), found["rest"].count("--hash=sha256:"), bool(WANTED_HERE.search(found["rest"]))
        )
        for found in PIN.finditer(text)
    }


def wanted(name: str) -> dict[str, Requirement]:
    """Return what the lock's input asks for by normalised name: pyproject.toml, build.in or clients.in."""
    if name in ("build", "clients"):
        lines = (ROOT / f"requirements/{name}.in").read_text("utf-8").splitlines()
        texts = [line for line in lines if line and not line.startswith("#")]
    else:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        extras = project["optional-dependencies"] if name == "dev" else {}
        texts = [*project["dependencies"], *extras.get("test", ()), *extras.get("dev", ())]
    requirements = (Requirement(text) for text in texts)
    return {canonicalize_name(each.name): each for each in requirements if canonicalize_name(each.name) != "p2pbot"}


def stale(lock: dict[str, Pin], asked: dict[str, Requirement]) -> set[str]:
    """Return what is wrong between a lock and its input: not pinned, pinned outside the bounds, no longer asked for."""
    missing = {f"{name} is not pinned" for name in asked.keys() - lock.keys()}
    outside = {
        f"{name} is pinned at {lock[name].version}, asked for is {asked[name].specifier}"
        for name in asked.keys() & lock.keys()
        if lock[name].version not in asked[name].specifier
    }
    dropped = {f"{name} is no longer asked for" for name, pin in lock.items() if pin.ours and name not in asked}
    return missing | outside | dropped


@pytest.mark.parametrize("name", ALL)
def test_lock_is_fresh(name: str) -> None:
    """Each requirement is pinned within its bounds and nothing is pinned for a requirement that is gone."""
    assert not stale(read_lock(name), wanted(name)), "run `make lock`"


def test_stale_lock_is_found() -> None:
    """A new requirement, a raised bound and a dropped requirement each show."""
    lock = {"aiohttp": Pin(Version("3.11"), 1, ours=True), "gone": Pin(Version("1"), 1, ours=True)}
    asked = {"aiohttp": Requirement("aiohttp>=4"), "fresh": Requirement("fresh")}
    assert len(stale(lock, asked)) == 3


@pytest.mark.parametrize("name", ALL)
def test_every_pin_has_hashes(name: str) -> None:
    """No package can be swapped on its way: each pin carries the hashes of its files."""
    lock = read_lock(name)
    assert lock
    assert not [package for package, pin in lock.items() if pin.hashes == 0]


@pytest.mark.parametrize("name", ALL)
def test_every_pin_is_read(name: str) -> None:
    """The reader of this test misses no line of the lock."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert len(read_lock(name)) == len(re.findall(r"^\w", text, re.MULTILINE))


@pytest.mark.parametrize("name", ALL)
def test_lock_names_no_host(name: str) -> None:
    """A lock holds names, versions, hashes and markers: no index, no link, no path."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert not re.findall(r".*(?:://|--(?:extra-)?index|--find-links|--trusted|@ ).*", text)


def test_locks_agree() -> None:
    """A package has one version in all locks, so that one environment can hold them together."""
    versions: dict[str, set[Version]] = {}
    for name in LOCKS:
        for package, pin in read_lock(name).items():
            versions.setdefault(package, set()).add(pin.version)
    assert not {package for package, pinned in versions.items() if len(pinned) > 1}


def test_developers_lock_holds_what_runs() -> None:
    """Tests run on exactly what is shipped: every pin of run.txt is in dev.txt."""
    assert read_lock("run").keys() <= read_lock("dev").keys()


@pytest.mark.parametrize("name", ALL)
def test_every_dependency_is_explained(name: str) -> None:
    """docs/dependencies.md has a row for each package that we ask for."""
    text = (ROOT / "docs/dependencies.md").read_text("utf-8")
    rows = {canonicalize_name(row) for row in re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE)}
    assert not wanted(name).keys() - rows


def test_no_dependency_is_explained_that_we_do_not_have() -> None:
    """docs/dependencies.md speaks of nothing that is gone."""
    text = (ROOT / "docs/dependencies.md").read_text("utf-8")
    rows = {canonicalize_name(row) for row in re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE)}
    assert rows <= {package for name in ALL for package in wanted(name)}


def test_every_library_that_runs_has_a_door() -> None:
    """A library that ships has a contract that names who may import it; tzdata is data, found by zoneinfo."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    guarded = {name for contract in contracts for name in contract.get("protected_modules", ())}
    modules = {"pyyaml": "yaml", "pyjwt": "jwt", "pillow": "PIL", "prometheus-client": "prometheus_client"}
    assert {modules.get(package, package) for package in wanted("run")} - guarded == {"tzdata"}
