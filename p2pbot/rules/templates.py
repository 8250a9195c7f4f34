"""Reply texts: Jinja2's syntax, of which a closed list is allowed, over plain frozen data.

Promise: a template that loads can only print known variables through known filters and choose by ``if``; no loop, call,
arithmetic, assignment or include reaches the engine. Rendering gives a text or ``CannotSay``, nothing else, and its
output is never read as a template again.
Danger: Jinja's sandbox alone does not do: ``"a"*200000000`` and method calls get through it. The whitelist is the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from p2pbot.document import did_you_mean
from p2pbot.rules.filters import DEFAULT, FILTERS, plain_number
from p2pbot.rules.variables import MATCH, PAYMENT, VARIABLES, Value

MAX_TEMPLATE = 8000  # characters; eight bubbles' worth
MAX_SAID = 10_000  # characters that a text comes to; ten bubbles are the most that one reply has
_MAX_DEPTH = 12  # of nested ifs and expressions
_TESTS = frozenset({"defined", "undefined"})
_LARGEST = 10**30  # of a number in a text: no amount comes near
_NO_CONSTANT = "a number is too large, or a text holds half a character"
_SOME_NAMES = "names have two parts: order.number, order.total, counterparty.first_name, payment.method …"
_ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        nodes.Template,
        nodes.Output,
        nodes.TemplateData,
        nodes.Name,
        nodes.Getattr,
        nodes.Filter,
        nodes.Const,
        nodes.If,
        nodes.CondExpr,
        nodes.Compare,
        nodes.Operand,
        nodes.And,
        nodes.Or,
        nodes.Not,
        nodes.Test,
    }
)


class CannotSay(Exception):
    """The text needs something that is not known; the text says what kind."""


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """Why a template cannot be used. ``part`` is the piece of the text to point at (may be empty)."""

    message: str
    part: str = ""
    hint: str = ""
    code: str = "P021"


@dataclass(frozen=True)
class Text:
    """A template that may be rendered. ``variables`` are the names it uses, as (group, name)."""

    source: str
    variables: frozenset[tuple[str, str]]
    tree: nodes.Template = field(repr=False, compare=False)

    @cached_property
    def _engine(self) -> Template:
        """The compiled template: made when it is first said, for most texts of a large set never are."""
        template = _ENGINE.from_string(self.tree)
        scope = template.root_render_func.__globals__
        for name in ("__jinja_template__", "root"):  # a cycle otherwise: the text is to be freed with its last rule
            scope.pop(name, None)
        return template

    def _missing(self, said: str) -> str:
        """Return the full name of what Jinja missed (it says ``'first_name' is undefined``)."""
        return next((f"{group}.{name}" for group, name in sorted(self.variables) if f"'{name}'" in said), "a value")

    def render(self, values: Mapping[str, Mapping[str, Value]]) -> str:
        """Return the text. Raises CannotSay."""
        try:
            return "".join(self._parts({group: Facet(named) for group, named in values.items()}))
        except TemplateError as error:
            raise CannotSay(f"not known: {self._missing(str(error.message))}") from None
        except (TypeError, ValueError, ArithmeticError):
            raise CannotSay("a value does not fit its filter or comparison") from None

    def _parts(self, facets: Mapping[str, Facet]) -> Iterator[str]:
        """Yield what is said, part by part, so that one that never ends is not made first and measured then."""
        size = 0
        for part in self._engine.generate(facets):
            size += len(part)
            if size > MAX_SAID:
                raise CannotSay(f"the text has more than {MAX_SAID} characters")
            yield part


class Facet:
    """A group of values as templates see it: names to plain values, and nothing of Python."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values


class _Environment(ImmutableSandboxedEnvironment):
    """Looks names up in facets only: no attribute of any Python object can be reached."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a facet's value, or the strict undefined."""
        if isinstance(obj, Facet) and attribute in obj.values:
            return obj.values[attribute]
        return self.undefined(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        """Refuse: the whitelist has no subscripts."""
        return self.undefined(name=str(argument))


def _shown(value: object) -> object:
    return plain_number(value) if isinstance(value, Decimal) else value


def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, autoescape=False, finalize=_shown, cache_size=0, keep_trailing_newline=True
    )
    default = environment.filters[DEFAULT]
    environment.filters = {**FILTERS, DEFAULT: default}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    environment.globals = {}
    return environment


_ENGINE = _environment()


def compile_text(source: str, groups: Iterable[str] = ()) -> Text | list[TemplateFault]:
    """Return the template, or everything that is wrong with it. ``groups`` are the names that ``match`` has."""
    if len(source) > MAX_TEMPLATE:
        return [TemplateFault(f"the text has {len(source)} characters, more than {MAX_TEMPLATE}", code="P023")]
    try:
        tree = _ENGINE.parse(source)
        faults = list(_faults(tree, frozenset(groups)))
        if faults:
            return faults
        return Text(source, frozenset(_variables(tree)), tree)
    except TemplateSyntaxError as error:
        line = source.splitlines()[error.lineno - 1] if 0 < error.lineno <= len(source.splitlines()) else ""
        message, hint = _syntax(str(error.message), source)
        return [TemplateFault(message, line.strip(), hint)]
    except ValueError:  # Python reads no whole number of more than 4300 digits
        return [TemplateFault(_NO_CONSTANT)]
    except (TemplateError, RecursionError, MemoryError, SyntaxError):
        return [TemplateFault("the text is too deeply nested")]


def _syntax(said: str, source: str) -> tuple[str, str]:
    """Return Jinja's complaint and its remedy in a merchant's words."""
    for open_, close in (("{{", "}}"), ("{%", "%}")):
        if source.count(open_) > source.count(close):
            return f"a {open_} is not closed", f"close it with {close}"
    if "unexpected end of template" in said.lower():
        return "an {% if … %} is not ended", "write {% endif %} where it ends"
    if "unknown tag" in said:
        return "{% … %} knows if, elif, else and endif here", "a value is written {{ order.number }}"
    if "end of print statement" in said or "expected token" in said or "Expected an expression" in said:
        return "between {{ and }} stands one name and its filters", "for example {{ order.total|money }}"
    return f"in the text: {said}", "a text may use {{ name }} and {% if %}"


def lengths(text: Text) -> tuple[int, int]:
    """Return the fewest and the most characters that the text can have, with plausible long values."""
    return _lengths(text.tree.body)


def _lengths(body: Iterable[nodes.Node]) -> tuple[int, int]:
    low = high = 0
    for node in body:
        least, most = _length(node)
        low, high = low + least, high + most
    return low, high


def _length(node: nodes.Node) -> tuple[int, int]:
    if isinstance(node, nodes.TemplateData):
        return len(node.data), len(node.data)
    if isinstance(node, nodes.Output):
        return _lengths(node.nodes)
    if isinstance(node, nodes.If):
        branches = [_lengths(node.body), _lengths(node.else_), *(_length(other) for other in node.elif_)]
        return min(low for low, _ in branches), max(high for _, high in branches)
    if isinstance(node, nodes.Expr):
        return 0, sum(_width(group, name) for group, name in _variables(node)) or _constant_width(node)
    return 0, 0


def _constant_width(node: nodes.Node) -> int:
    return sum(len(str(constant.value)) for constant in _all(node, nodes.Const))


def _width(group: str, name: str) -> int:
    return len(str(VARIABLES.get(group, {}).get(name, "x" * 40)))


def _all(node: nodes.Node, kind: Any) -> Iterator[Any]:
    if isinstance(node, kind):
        yield node
    yield from node.find_all(kind)


def _variables(tree: nodes.Node) -> Iterator[tuple[str, str]]:
    for node in _all(tree, nodes.Getattr):
        if isinstance(node.node, nodes.Name):
            yield node.node.name, node.attr


def _faults(node: nodes.Node, groups: frozenset[str], depth: int = 0) -> Iterator[TemplateFault]:
    if depth > _MAX_DEPTH:
        yield TemplateFault("the text is too deeply nested")
        return
    judged = _JUDGES.get(type(node))
    if type(node) not in _ALLOWED:
        yield TemplateFault(f"a text cannot use {_spoken(node)}", hint="allowed are {{ name }}, filters and {% if %}")
        return
    if judged is not None:
        fault, inside = judged(node, groups)
        if fault:
            yield fault
        if not inside:
            return
    for child in node.iter_child_nodes():
        yield from _faults(child, groups, depth + 1)


def _judge_attribute(node: nodes.Getattr, groups: frozenset[str]) -> tuple[TemplateFault | None, bool]:
    if not isinstance(node.node, nodes.Name):
        return TemplateFault(f"`.{node.attr}` does not exist here", f".{node.attr}"), False
    return _unknown_variable(node.node.name, node.attr, groups), False


def _unknown_variable(group: str, name: str, groups: frozenset[str]) -> TemplateFault | None:
    written = f"{group}.{name}"
    if group == PAYMENT and not name.startswith("_"):
        return None
    known = groups if group == MATCH else VARIABLES.get(group, {}).keys()
    if name in known:
        return None
    everything = [f"{one}.{two}" for one, named in VARIABLES.items() for two in named]
    everything += [f"{MATCH}.{two}" for two in groups]
    hint = did_you_mean(written, everything)
    if group == MATCH and not hint:
        hint = "a name of `match` is a named group of the rule's regex: (?P<name>…)"
    return TemplateFault(f"unknown variable `{written}`", written, hint)


def _judge_name(node: nodes.Name, _: frozenset[str]) -> tuple[TemplateFault | None, bool]:
    everything = [f"{one}.{two}" for one, named in VARIABLES.items() for two in named]
    near = [full for full in everything if full.endswith(f".{node.name}")]
    hint = f"did you mean `{near[0]}`?" if near else did_you_mean(node.name, everything) or _SOME_NAMES
    return TemplateFault(f"unknown variable `{node.name}`", node.name, hint), False


def _judge_filter(node: nodes.Filter, _: frozenset[str]) -> tuple[TemplateFault | None, bool]:
    if node.name not in _ENGINE.filters:
        return TemplateFault(f"unknown filter `{node.name}`", node.name, did_you_mean(node.name, _ENGINE.filters)), True
    arguments = len(node.args)
    wanted = 1 if node.name == DEFAULT else 0
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs or arguments != wanted:
        needs = "needs one text in brackets" if wanted else "takes nothing in brackets"
        return TemplateFault(f"the filter `{node.name}` {needs}", node.name), True
    return None, True


def _judge_const(node: nodes.Const, _: frozenset[str]) -> tuple[TemplateFault | None, bool]:
    """Refuse what the engine cannot write into its program, and text that cannot be sent."""
    value = node.value
    if isinstance(value, str):
        sound = not any("\ud800" <= char <= "\udfff" for char in value)
    else:
        sound = not isinstance(value, int | float) or abs(value) < _LARGEST
    return None if sound else TemplateFault(_NO_CONSTANT), True


def _judge_test(node: nodes.Test, _: frozenset[str]) -> tuple[TemplateFault | None, bool]:
    if node.name in _TESTS and not node.args:
        return None, True
    return TemplateFault(f"`is {node.name}` does not exist here", node.name, "there is `is defined`"), True


_JUDGES: Mapping[type, Callable[[Any, frozenset[str]], tuple[TemplateFault | None, bool]]] = {
    nodes.Getattr: _judge_attribute,
    nodes.Name: _judge_name,
    nodes.Filter: _judge_filter,
    nodes.Test: _judge_test,
    nodes.Const: _judge_const,
}
_SPOKEN = {
    nodes.For: "{% for %}",
    nodes.Call: "calls: name(…)",
    nodes.Assign: "{% set %}",
    nodes.AssignBlock: "{% set %}",
    nodes.Include: "{% include %}",
    nodes.Macro: "{% macro %}",
    nodes.Getitem: "brackets behind a name",
}


def _spoken(node: nodes.Node) -> str:
    if isinstance(node, nodes.BinExpr):
        return "arithmetic"
    return _SPOKEN.get(type(node), f"this part of Jinja ({type(node).__name__})")
