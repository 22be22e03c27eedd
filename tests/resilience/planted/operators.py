"""The faults that can be planted into a source text: each changes one expression or one statement, and still parses."""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

NEUTRAL = {"bool": "False", "int": "0", "float": "0.0", "str": '""', "bytes": 'b""', "tuple": "()", "list": "[]",
           "dict": "{}", "frozenset": "frozenset()", "set": "set()"}  # fmt: skip
OPPOSITE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
            ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
LOGS = ("LOG", "log", "_log", "logger", "logging", "warnings")
NOT_FAULTS = ("TYPE_CHECKING", "TypeVar", "ParamSpec", "__all__")
SMALL = 10  # a number below this counts something; one above is an amount, for which one more makes no difference

Function = ast.FunctionDef | ast.AsyncFunctionDef
Edit = tuple[str, ast.AST, str]  # the kind, what is replaced, by what


@dataclass(frozen=True)
class Fault:
    """One change of one file. `lines` is the statement, or its head, whose tests can notice it."""

    path: str
    kind: str
    start: int
    end: int
    text: str
    lines: tuple[int, int]
    scope: str
    names: tuple[str, ...] = ()
    """The names that a statement gives which runs at import, so that no test's own run shows it."""

    def planted(self, source: str) -> str:
        """Return the source with the fault."""
        raw = source.encode()
        return (raw[: self.start] + self.text.encode() + raw[self.end :]).decode()

    def diff(self, source: str) -> str:
        """Return the change as a unified diff."""
        before, after = source.splitlines(), self.planted(source).splitlines()
        return "\n".join(difflib.unified_diff(before, after, f"a/{self.path}", f"b/{self.path}", "", "", 2, ""))

    def change(self, source: str) -> str:
        """Return the change in one line, which is the same wherever in the file it stands."""
        raw = source.encode()
        old, new = (" ".join(text.split()) for text in (raw[self.start : self.end].decode(), self.text))
        return f"{self.path} {self.scope}: {old} -> {new}"


def faults(path: str, source: str, optional: frozenset[str] = frozenset()) -> tuple[Fault, ...]:
    """Return the faults of a file, of which `counts` leaves some out; its calls may leave `optional` keywords out."""
    text = _Text(source)
    found = [
        text.fault(path, place, edit)
        for place in _Places(ast.parse(source)).walk()
        for operator in OPERATORS
        for edit in operator(place, optional)
    ]
    return tuple(dict.fromkeys(found))


def counts(fault: Fault, source: str) -> bool:
    """Tell whether a text with a fault parses, and means something else."""
    try:
        return ast.dump(ast.parse(fault.planted(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def optional_keywords(sources: Iterator[str]) -> frozenset[str]:
    """Return `function:keyword` for all that has a default wherever a function of this name is defined."""
    optional: set[str] = set()
    needed: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, Function):
                sinks = [*node.args.posonlyargs, *node.args.args]
                given = len(sinks) - len(node.args.defaults)
                pairs = [(arg, at >= given) for at, arg in enumerate(sinks)]
                pairs += [(a, d is not None) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
                for arg, has_default in pairs:
                    (optional if has_default else needed).add(f"{node.name}:{arg.arg}")
    return frozenset(optional - needed)


@dataclass(frozen=True)
class _Place:
    """A node, and where it stands."""

    node: ast.AST
    parent: ast.AST
    statement: ast.stmt
    function: Function | None
    scope: str


class _Places:
    """Walks over everything that is worth a fault: no annotations, docstrings, type checking or parts of messages."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree

    def walk(self) -> Iterator[_Place]:
        for statement in self._tree.body:
            yield from self._statement(statement, self._tree, None, "")

    def _statement(self, node: ast.stmt, parent: ast.AST, inside: Function | None, scope: str) -> Iterator[_Place]:
        if _is_text(node) or any(name in ast.unparse(_head(node)) for name in NOT_FAULTS):
            return
        yield _Place(node, parent, node, inside, scope)
        if isinstance(node, Function | ast.ClassDef):
            scope = f"{scope}.{node.name}" if scope else node.name
        within = node if isinstance(node, Function) else inside
        for child in ast.iter_child_nodes(node):
            yield from self._child(child, node, node, within, scope)

    def _child(
        self, node: ast.AST, parent: ast.AST, statement: ast.stmt, inside: Function | None, scope: str
    ) -> Iterator[_Place]:
        if isinstance(node, ast.stmt):
            yield from self._statement(node, parent, inside, scope)
            return
        if isinstance(node, ast.JoinedStr) or _is_annotation(node, parent):
            return
        yield _Place(node, parent, statement, inside, scope)
        for child in ast.iter_child_nodes(node):
            yield from self._child(child, node, statement, inside, scope)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_annotation(node: ast.AST, parent: ast.AST) -> bool:
    owned = (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    bases = parent.bases if isinstance(parent, ast.ClassDef) else []
    decorators = getattr(parent, "decorator_list", [])
    cast = isinstance(parent, ast.Call) and _name(parent.func) in ("cast", "isinstance") and node in parent.args
    alias = isinstance(parent, ast.Assign) and isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    return any(node is one for one in (*owned, *bases, *decorators)) or cast or (alias and node.value.id[:1].isupper())


def _head(node: ast.stmt) -> ast.AST:
    """Return what stands before a statement's body: of an `if` its condition."""
    if isinstance(node, ast.If | ast.While):
        return node.test
    if isinstance(node, ast.For):
        return node.iter
    if isinstance(node, Function | ast.ClassDef | ast.Try | ast.With | ast.Match):
        return ast.Pass()
    return node


def _name(node: ast.AST) -> str:
    """Return a function's name without what it belongs to."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _segment(node: ast.AST) -> str:
    return ast.unparse(node)


def _drop_call(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and place.function:
        owner = node.value.func.value if isinstance(node.value.func, ast.Attribute) else None
        if owner is None or _name(owner) not in LOGS:
            yield "drop a call", node, "pass"


def _drop_raise(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    if isinstance(place.node, ast.Raise):
        yield "drop a raise", place.node, "pass"


def _drop_return(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    if isinstance(place.node, ast.Return) and place.node.value is None:
        yield "drop an early return", place.node, "pass"


def _drop_store(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node, function = place.node, place.function
    if not isinstance(node, ast.Assign) or function is None or function.name in ("__init__", "__post_init__"):
        return
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield "drop an assignment", node, "pass"


def _negate(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.If | ast.IfExp):
        yield "negate a condition", node.test, f"not ({_segment(node.test)})"
    if isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield "negate a condition", condition, f"(not ({_segment(condition)}))"


def _compare(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            other = copy.copy(node)
            other.ops = [*node.ops[:at], OPPOSITE[type(operator)](), *node.ops[at + 1 :]]
            yield "swap a comparison", node, _segment(other)


def _constant(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if not isinstance(node, ast.Constant) or isinstance(place.parent, ast.Expr | ast.MatchValue):
        return
    if isinstance(node.value, bool):
        yield "change a constant", node, str(not node.value)
    elif isinstance(node.value, int | float):
        if abs(node.value) < SMALL:
            yield "change a constant", node, repr(node.value + 1)
            if node.value > 0:
                yield "change a constant", node, repr(node.value - 1)
        else:
            yield "change a constant", node, repr(node.value * 10)
            yield "change a constant", node, "0"


def _drop_element(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node, parent = place.node, place.parent
    if not isinstance(node, ast.Tuple | ast.Set | ast.List) or len(node.elts) < 2:
        return
    if isinstance(getattr(node, "ctx", None), ast.Store) or isinstance(parent, ast.Subscript | ast.Return | ast.For):
        return
    if isinstance(node, ast.Tuple) and isinstance(parent, ast.comprehension | ast.ListComp | ast.GeneratorExp):
        return
    unpacked = isinstance(parent, ast.Assign) and any(isinstance(target, ast.Tuple) for target in parent.targets)
    if unpacked:
        return
    for at in range(len(node.elts)):
        other = copy.copy(node)
        other.elts = [*node.elts[:at], *node.elts[at + 1 :]]
        text = _segment(other)
        yield "drop an element", node, text if text.startswith(("(", "[", "{")) else f"({text})"


def _drop_entry(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.Dict) and len(node.keys) > 1:
        for at in range(len(node.keys)):
            other = copy.copy(node)
            other.keys, other.values = (
                [*node.keys[:at], *node.keys[at + 1 :]],
                [*node.values[:at], *node.values[at + 1 :]],
            )
            yield "drop an element", node, _segment(other)


def _min_max(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        yield "swap min and max", node.func, {"min": "max", "max": "min"}[node.func.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("any", "all"):
        yield "swap any and all", node.func, {"any": "all", "all": "any"}[node.func.id]


def _and_or(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.BoolOp):
        other = copy.copy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "swap and and or", node, f"({_segment(other)})"
        for at in range(len(node.values)):
            rest = [*node.values[:at], *node.values[at + 1 :]]
            other = copy.copy(node)
            other.values = rest
            yield "drop a part of a condition", node, f"({_segment(other if len(rest) > 1 else rest[0])})"


def _drop_not(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "drop a not", node, f"({_segment(node.operand)})"


def _plus_minus(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        if any(isinstance(side, ast.Constant | ast.JoinedStr) and not _is_number(side) for side in _sides(node)):
            return
        other = copy.copy(node)
        other.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "swap plus and minus", node, f"({_segment(other)})"


def _sides(node: ast.BinOp) -> tuple[ast.expr, ast.expr]:
    return node.left, node.right


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _neutral(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node, function = place.node, place.function
    if not isinstance(node, ast.Return) or node.value is None or not (function and function.returns):
        return
    text = _segment(function.returns)
    neutral = "None" if "| None" in text else NEUTRAL.get(text.partition("[")[0], "")
    if neutral == "False" and _segment(node.value) == "False":
        neutral = "True"
    if neutral and _segment(node.value) != neutral and not isinstance(node.value, ast.JoinedStr):
        yield "return the neutral value", node, f"return {neutral}"


def _drop_keyword(place: _Place, optional: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if not isinstance(node, ast.Call):
        return
    for at, keyword in enumerate(node.keywords):
        name = _name(node.func)
        if keyword.arg and (name == "replace" or f"{name}:{keyword.arg}" in optional):
            other = copy.copy(node)
            other.keywords = [*node.keywords[:at], *node.keywords[at + 1 :]]
            yield "drop a keyword argument", node, _segment(other)


def _drop_finally(place: _Place, _: frozenset[str]) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.Try) and node.finalbody:
        for statement in node.finalbody:
            yield "drop a finally", statement, "pass"
    if isinstance(node, ast.With) and all(item.optional_vars is None for item in node.items):
        named = [_segment(item.context_expr) for item in node.items]
        if place.function and len(named) == 1:
            yield "drop a with", node, "if True"


Operator = Callable[[_Place, frozenset[str]], Iterator[Edit]]
OPERATORS: tuple[Operator, ...] = (
    _drop_call, _drop_raise, _drop_return, _drop_store, _negate, _compare, _constant, _drop_element, _drop_entry,
    _min_max, _and_or, _drop_not, _plus_minus, _neutral, _drop_keyword, _drop_finally,
)  # fmt: skip


class _Text:
    """A source text, in which nodes are found by their lines and columns."""

    def __init__(self, source: str) -> None:
        self._raw = source.encode()
        self._offsets = [0, *accumulate(len(line) for line in self._raw.splitlines(keepends=True))]

    def fault(self, path: str, place: _Place, edit: Edit) -> Fault:
        kind, node, text = edit
        start, end = self._span(node)
        if isinstance(node, ast.With):  # only its head is replaced
            end = self._raw.index(b":", self._span(node.items[-1].context_expr)[1])
        first, last = _lines(place.statement)
        if not isinstance(node, ast.With):
            first, last = min(first, node.lineno), max(last, node.end_lineno or 0)  # type: ignore[attr-defined]
        at_import = place.function is None or isinstance(place.statement, Function)
        names = _given(place.statement) if at_import else ()
        return Fault(path, kind, start, end, text, (first, last), place.scope, names)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Return where an expression or a statement begins and ends, in bytes."""
        first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        start, end = (self._offsets[line - 1] + column for line, column in (first, last))
        return start, end


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """Return a statement's lines; of one with a body only the head's, as anything in it is a statement of its own."""
    head = statement.items[0].context_expr if isinstance(statement, ast.With) else _head(statement)
    if isinstance(head, ast.Pass):
        return statement.lineno, statement.lineno
    return head.lineno, head.end_lineno or head.lineno  # type: ignore[attr-defined]  # an expression or a statement


def _given(statement: ast.stmt) -> tuple[str, ...]:
    """Return the names that a statement gives."""
    if isinstance(statement, ast.Assign):
        targets = [each for target in statement.targets for each in getattr(target, "elts", [target])]
        return tuple(name for target in targets if (name := _name(target)))
    if isinstance(statement, ast.AnnAssign):
        return (_name(statement.target),)
    return (statement.name,) if isinstance(statement, Function | ast.ClassDef) else ()
