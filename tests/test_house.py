"""The laws that no tool checks: each holds in the whole repository, and each finds a violation planted for it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.house import laws
from tests.house.laws import Law, Source

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[Path]:
    """Return the files that git knows and that are still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607 – the developer's git, whichever
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Every tracked Python file, parsed at most once."""
    return [Source(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in tracked() if path.suffix == ".py"]


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_law_is_kept(law: Law, sources: list[Source]) -> None:
    """No file of the repository breaks the law."""
    findings = [finding for source in sources for finding in law(source)]
    assert not findings, "\n".join(findings)


PLANTED: list[tuple[Law, str, str]] = [
    (laws.short_functions, "p2pbot/daemon/chat.py", "def long():\n" + "    x = 1\n" * 40),
    (laws.short_functions, "p2pbot/daemon/chat.py", "class A:\n    async def long(self):\n" + "        x = 1\n" * 40),
    (laws.short_files, "p2pbot/daemon/chat.py", "x = 1\n" * 401),
    (laws.module_docstrings, "tests/rules/test_fold.py", "x = 1\n"),
    (laws.documented_tests, "tests/rules/test_fold.py", "def test_it():\n    assert True\n"),
    (laws.documented_tests, "tests/rules/test_fold.py", "class TestIt:\n    async def test_it(self):\n        pass\n"),
    (laws.no_fixed_sleeps, "tests/daemon/test_chat.py", "import time\ntime.sleep(1)\n"),
    (laws.no_fixed_sleeps, "tests/daemon/test_chat.py", "import time\nwhile not done():\n    time.sleep(1)\n"),
    (laws.no_fixed_sleeps, "tests/daemon/test_chat.py", "async def f():\n    await asyncio.sleep(0.05)\n"),
    (
        laws.no_fixed_sleeps,
        "tests/daemon/test_chat.py",
        "async def f():\n    while not done():\n        await asyncio.sleep(0.05)\n",
    ),
    (laws.no_money_calls, "p2pbot/protocol/calls.py", 'PATH = "/sapi/v1/c2c/orderMatch/markOrderAsPaid"\n'),
    (laws.closed_exchange_paths, "p2pbot/protocol/calls.py", 'PATH = "/sapi/v1/c2c/orderMatch/somethingNew"\n'),
    (laws.closed_exchange_paths, "p2pbot/protocol/calls.py", 'PATH = "/api/v3/order"\n'),
    (laws.closed_exchange_paths, "p2pbot/protocol/calls.py", '_A = "/sapi/v1/c2c/chat"\npath = f"{_A}/newThing"\n'),
    (laws.closed_exchange_paths, "p2pbot/adapters/rest.py", 'path = f"/sapi/v1/c2c/orderMatch/{name}"\n'),
    (laws.no_money_calls, "p2pbot/protocol/calls.py", "def releaseCoin(): ...\n"),
    (laws.no_money_calls, "p2pbot/protocol/calls.py", "call(cancelOrder)\n"),
    (laws.no_money_calls, "p2pbot/protocol/ws_api.py", 'METHOD = "order.place"\n'),
    (laws.reasoned_broad_excepts, "p2pbot/app.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
    (laws.reasoned_broad_excepts, "p2pbot/app.py", "try:\n    f()\nexcept:  # noqa: E722\n    pass\n"),
    (laws.reasoned_broad_excepts, "p2pbot/app.py", "try:\n    f()\nexcept Exception:\n    raise ValueError\n"),
    (
        laws.reasoned_broad_excepts,
        "p2pbot/app.py",
        "try:\n    f()\nexcept (OSError, BaseException):  # noqa: BLE001, S110\n    pass\n",
    ),
    (laws.no_ambient_world, "p2pbot/rules/match.py", "import random\n"),
    (laws.no_ambient_world, "p2pbot/daemon/sender.py", "from time import monotonic\n"),
    (laws.no_ambient_world, "p2pbot/conversation/inbox.py", "now = datetime.now(tz=UTC)\n"),
    (laws.no_ambient_world, "p2pbot/conversation/inbox.py", "identity = str(uuid.uuid4())\n"),
    (laws.no_ambient_environment, "p2pbot/protocol/signing.py", 'key = os.environ["KEY"]\n'),
    (laws.no_ambient_environment, "p2pbot/daemon/chat.py", "from os import getenv\n"),
]


@pytest.mark.parametrize(("law", "path", "text"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_law_finds_a_planted_violation(law: Law, path: str, text: str) -> None:
    """A law that would let its own violation pass is no law."""
    assert list(law(Source(path, text)))


def test_every_law_has_a_planted_violation() -> None:
    """No law is trusted on its word."""
    assert {law for law, _, _ in PLANTED} == set(laws.LAWS)


INNOCENT: list[tuple[Law, str, str]] = [
    (laws.short_functions, "tests/e2e/test_day.py", "def long():\n" + "    x = 1\n" * 60),
    (laws.no_fixed_sleeps, "tests/daemon/test_chat.py", "async def f():\n    await asyncio.sleep(0)\n"),
    (laws.no_fixed_sleeps, "tests/daemon/test_chat.py", "async def f():\n    await asyncio.sleep(delay_s)\n"),
    (
        laws.no_fixed_sleeps,
        "tests/e2e/stage.py",
        "async def f():\n  async with asyncio.timeout(5):\n    while not done():\n      await asyncio.sleep(0.01)\n",
    ),
    (laws.closed_exchange_paths, "p2pbot/protocol/calls.py", 'PATH = "/sapi/v1/c2c/orderMatch/listOrders"\n'),
    (
        laws.closed_exchange_paths,
        "p2pbot/protocol/calls.py",
        '_A = "/sapi/v1/c2c/chat"\npath = f"{_A}/retrieveChatCredential"\n',
    ),
    (laws.no_money_calls, "tests/sandbox/test_rest.py", 'PATH = "/sapi/v1/c2c/orderMatch/releaseCoin"\n'),
    (
        laws.reasoned_broad_excepts,
        "p2pbot/app.py",
        "try:\n    f()\nexcept Exception:  # noqa: BLE001 – the close goes on whatever one door says\n    pass\n",
    ),
    (laws.reasoned_broad_excepts, "p2pbot/app.py", "try:\n    f()\nexcept OSError:\n    pass\n"),
    (laws.reasoned_broad_excepts, "p2pbot/app.py", "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"),
    (laws.no_ambient_world, "p2pbot/adapters/clock.py", "import time\n"),
    (laws.no_ambient_environment, "p2pbot/config.py", 'os.environ.get("KEY")\n'),
]


@pytest.mark.parametrize(("law", "path", "text"), INNOCENT, ids=lambda value: getattr(value, "__name__", None))
def test_law_lets_the_right_thing_pass(law: Law, path: str, text: str) -> None:
    """A law that cries at right code would soon be switched off."""
    assert not list(law(Source(path, text)))


def test_no_tracked_file_names_a_place() -> None:
    """Nothing in the repository knows a registry's host or a path of the machine it was written on."""
    texts = {str(path.relative_to(ROOT)): path.read_bytes() for path in tracked()}
    findings = [
        finding
        for name, data in texts.items()
        if b"\0" not in data
        for finding in laws.no_places(name, data.decode("utf-8", "replace"))
    ]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(
    "line",
    [
        "index = https://files.python" + "hosted.org/packages/",
        "open('/ro" + "ot/.pyenv/bin')",
        "cd /wo" + "rk/main",
        "--find-links /op" + "t/wheels/",
    ],
)
def test_a_place_is_found(line: str) -> None:
    """A planted host or machine path is found in any kind of file."""
    assert list(laws.no_places("docs/any.md", line))


def test_changelog_tells_of_the_current_version() -> None:
    """The version in pyproject.toml has its section in CHANGELOG.md."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert any(heading.removeprefix("## ").split()[0] == version for heading in headings), headings


@pytest.mark.parametrize(
    "name", ["README.md", "LICENSE", "SECURITY.md", "CONTRIBUTING.md", "config.example.yaml", "docs/dependencies.md"]
)
def test_file_that_people_look_for_exists(name: str) -> None:
    """What a stranger opens first is there and is not empty."""
    assert (ROOT / name).read_text("utf-8").strip()
