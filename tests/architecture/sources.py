"""The product's modules, each parsed once."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("bridge/**/*.py"), *ROOT.glob("sinks/**/*.py")])


@functools.cache
def text(path: Path) -> str:
    return path.read_text("utf-8")


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module's syntax tree."""
    return tuple(ast.walk(ast.parse(text(path))))
