"""The laws of the house that no tool checks, as functions from one parsed file to its findings.

Promise: each law is pure, reads the syntax tree (never the text where a tree says it better) and names file and line.
Danger: a law that finds nothing looks like a law that is kept; tests/test_house.py plants a violation of each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

LONGEST_FUNCTION = 40  # lines, docstring included: what a reader holds in mind, and sees at once
LONGEST_FILE = 400  # lines: one idea
SHORTEST_REASON = 3  # words: "# best effort" says nothing

# The doors: here the outside world is read, so here alone may the world be asked for time, luck and environment.
OUTSIDE = ("p2pbot/adapters/", "p2pbot/sandbox/", "p2pbot/cli/", "p2pbot/console/", "p2pbot/app")
ENVIRONMENT = (*OUTSIDE, "p2pbot/config.py", "p2pbot/config/")

# No call that moves money or changes an order or an ad exists in the client: the paths it may hold are these.
EXCHANGE_PATHS = frozenset(
    {
        "/api/v3/time",
        "/api/v3/account",
        "/api/v3/userDataStream",
        "/fapi/v1/time",
        "/fapi/v1/listenKey",
        "/sapi/v1/c2c/chat/retrieveChatCredential",
        "/sapi/v1/c2c/chat/image/pre-signed-url",
        "/sapi/v1/c2c/chat/retrieveChatMessagesWithPagination",
        "/sapi/v1/c2c/chat/markOrderMessagesAsRead",
        "/sapi/v1/c2c/orderMatch/listOrders",
        "/sapi/v1/c2c/orderMatch/getUserOrderDetail",
        "/sapi/v1/c2c/orderMatch/queryCounterPartyOrderStatistic",
        "/sapi/v1/c2c/orderMatch/listUserOrderHistory",
        "/sapi/v1/account/apiRestrictions",
        "/mp-api/v1/apps/{}/user-open-data",
    }
)
EXCHANGE_PATH = re.compile(r"/(?:[defps]?api|mp-api)/v\d")
MONEY_WORDS = re.compile(
    r"mark_?order_?as_?paid|release_?coin|cancel_?order\b|order_?match/?(?:release|cancel|confirm)|/c2c/ads/|"
    r"capital/withdraw|asset/transfer|\border\.(?:place|cancel|modify)\b",
    re.IGNORECASE,
)

AMBIENT_MODULES = frozenset({"random", "secrets", "time"})
AMBIENT_CALLS = frozenset(
    {
        "datetime.now",
        "datetime.today",
        "datetime.utcnow",
        "date.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.date.today",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid1",
        "uuid4",
        "time.sleep",
        "urllib.request.urlopen",
    }
)
ENVIRONMENT_READS = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"})


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the top of the repository, and its text."""

    path: str
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree, parsed once for all laws."""
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text's lines, without their ends."""
        return tuple(self.text.splitlines())

    def at(self, node: ast.stmt | ast.expr | ast.ExceptHandler, what: str) -> str:
        """Return a finding at ``node``."""
        return f"{self.path}:{node.lineno}: {what}"


Law = Callable[[Source], Iterator[str]]


def is_ours(source: Source) -> bool:
    """Whether the file ships."""
    return source.path.startswith("p2pbot/")


def is_test(source: Source) -> bool:
    """Whether the file holds tests or what they share."""
    return source.path.startswith("tests/")


def short_functions(source: Source) -> Iterator[str]:
    """Yield each function of the product that is longer than a reader holds in mind."""
    if not is_ours(source):
        return
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield source.at(node, f"{node.name} has {length} lines, more than {LONGEST_FUNCTION}")


def short_files(source: Source) -> Iterator[str]:
    """Yield the file if it is of the product and too long for one idea."""
    if is_ours(source) and len(source.lines) > LONGEST_FILE:
        yield f"{source.path}: {len(source.lines)} lines, more than {LONGEST_FILE}"


def module_docstrings(source: Source) -> Iterator[str]:
    """Yield the file if it does not open with what it promises."""
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield f"{source.path}:1: no module docstring"


def documented_tests(source: Source) -> Iterator[str]:
    """Yield each test that does not say which behaviour it specifies."""
    if not is_test(source):
        return
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if not ast.get_docstring(node):
            yield source.at(node, f"{node.name} has no docstring: what does it specify?")


def no_fixed_sleeps(source: Source) -> Iterator[str]:
    """Yield each wait in the tests for a time instead of a condition.

    The interval of a poll is no such wait: a ``while`` on the condition inside ``asyncio.timeout``, or, where there is
    no loop, one that looks at ``time.monotonic`` for its deadline.
    """
    if not is_test(source):
        return
    polls = {*_poll_calls(source), *_blocking_polls(source)}
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called == "time.sleep" and node not in polls:
            yield source.at(node, "time.sleep in a test: poll a condition")
        if called == "asyncio.sleep" and node not in polls and node.args and _is_positive(node.args[0]):
            yield source.at(node, "a fixed asyncio.sleep in a test: poll a condition")


def _poll_calls(source: Source) -> Iterator[ast.AST]:
    for deadline in source.nodes:
        if isinstance(deadline, ast.AsyncWith) and any(
            ast.unparse(item.context_expr).startswith("asyncio.timeout") for item in deadline.items
        ):
            loops = (node for node in ast.walk(deadline) if isinstance(node, ast.While))
            yield from (node for loop in loops for node in ast.walk(loop))


def _blocking_polls(source: Source) -> Iterator[ast.AST]:
    for loop in source.nodes:
        if isinstance(loop, ast.While) and "time.monotonic()" in ast.unparse(loop):
            yield from ast.walk(loop)


def _is_positive(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value > 0


def no_money_calls(source: Source) -> Iterator[str]:
    """Yield each word by which a client could move money or change an order or an ad."""
    if not is_ours(source):
        return
    for number, line in enumerate(source.lines, 1):
        if found := MONEY_WORDS.search(line):
            yield f"{source.path}:{number}: {found.group()!r} moves money or changes an order"


def closed_exchange_paths(source: Source) -> Iterator[str]:
    """Yield each path of the exchange outside the closed list, also one put together from a module's constants.

    The start of an allowed path may stand alone. The sandbox is the other side: it answers, it does not ask.
    """
    if not is_ours(source) or source.path.startswith("p2pbot/sandbox/"):
        return
    constants = dict(_text_constants(source.tree))
    for node in source.nodes:
        text = _text_of(node, constants)
        if not EXCHANGE_PATH.match(text) or text in EXCHANGE_PATHS:
            continue
        whole = isinstance(node, ast.JoinedStr) or not any(path.startswith(f"{text}/") for path in EXCHANGE_PATHS)
        if whole and isinstance(node, ast.expr):
            yield source.at(node, f"{text!r} is not in the closed list of the exchange's paths")


def _text_constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((name.id, node.value.value) for name in node.targets if isinstance(name, ast.Name))


def _text_of(node: ast.AST, constants: Mapping[str, str]) -> str:
    """Return the text of a literal or an f-string, ``{}`` for what is not known before it runs; else ''."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.FormattedValue):
        return constants.get(ast.unparse(node.value), "{}")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part, constants) for part in node.values)
    return ""


def reasoned_broad_excepts(source: Source) -> Iterator[str]:
    """Yield each ``except Exception`` (or broader) whose line, or the next, does not say why.

    One that cleans up and ends in ``raise`` swallows nothing and needs no reason.
    """
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
            beside = " ".join(_comment(source.lines[row]) for row in (node.lineno - 1, node.lineno))
            reason = re.sub(r"noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?", "", beside)
            if len(re.findall(r"\w+", reason)) < SHORTEST_REASON:
                yield source.at(node, "a broad except without a comment that says why")


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = {ast.unparse(item) for item in (caught.elts if isinstance(caught, ast.Tuple) else (caught,))}
    return bool(names & {"Exception", "BaseException"})


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _comment(line: str) -> str:
    return line.partition("#")[2]


def no_ambient_world(source: Source) -> Iterator[str]:
    """Yield each ask for the time or for luck outside the doors (``now_ms`` and ``rng`` are arguments)."""
    if not is_ours(source) or source.path.startswith(OUTSIDE):
        return
    for node in source.nodes:
        if isinstance(node, ast.Import):
            asked = {alias.name.partition(".")[0] for alias in node.names} & AMBIENT_MODULES
        elif isinstance(node, ast.ImportFrom):
            asked = {(node.module or "").partition(".")[0]} & AMBIENT_MODULES
        elif isinstance(node, ast.Call):
            asked = {ast.unparse(node.func)} & AMBIENT_CALLS
        else:
            continue
        if asked:
            yield source.at(node, f"{', '.join(sorted(asked))}: ask a port, or take it as an argument")


def no_ambient_environment(source: Source) -> Iterator[str]:
    """Yield each read of the environment outside the doors and the configuration."""
    if not is_ours(source) or source.path.startswith(ENVIRONMENT):
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ENVIRONMENT_READS:
            yield source.at(node, f"{ast.unparse(node)}: the environment is read by the configuration alone")
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            names = {f"os.{alias.name}" for alias in node.names} & ENVIRONMENT_READS
            if names:
                yield source.at(node, f"{', '.join(sorted(names))}: read by the configuration alone")


LAWS: tuple[Law, ...] = (
    short_functions,
    short_files,
    module_docstrings,
    documented_tests,
    no_fixed_sleeps,
    no_money_calls,
    closed_exchange_paths,
    reasoned_broad_excepts,
    no_ambient_world,
    no_ambient_environment,
)

# Words are put together here, or this file would be the first to break its own law.
_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "deb" + "ian.org", "ghcr" + ".io", "quay" + ".io")
_WORKPLACE = r"(?<![\w.$}])/(?:root|work|opt/(?:wheels|pypi))/"
PLACE = re.compile("|".join(map(re.escape, _HOSTS)) + "|" + _WORKPLACE)


def no_places(path: str, text: str) -> Iterator[str]:
    """Yield each line of any tracked file that names a registry's host or a path of the machine it was written on."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := PLACE.search(line):
            yield f"{PurePosixPath(path)}:{number}: names {found.group()!r}"
