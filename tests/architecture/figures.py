"""How the house is built, in figures: `python -m tests.architecture.figures` prints them.

- *Rooms* are the packages below `bridge`, and `sinks`. *Floors*: how many of them stand one above the other. *Arrows*
  are pairs of modules in different rooms of which one imports the other. An arrow is *upward* where the table of
  `tests/architecture/rooms.py` does not have it.
- *Members of the port*: what a sink has to offer, in each part of the port (`sinks.port`).
- *One-line docstrings*: of public modules, classes and functions that have one. *Semicolons* are those in docstrings.
- *Comments* are lines with one, those for tools left out, per 100 lines that are not empty.
- *Long functions* have more than 40 lines, with their signature and docstring.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

from tests.architecture.rooms import ROOMS, floors, imported, name_of, room_of
from tests.architecture.sources import ROOT, SOURCES, nodes, text

LONG = 40
FOR_TOOLS = ("noqa", "type:", "fmt:", "isort:", "!")
Defined = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def arrows() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the arrows between rooms, and those of them that run up."""
    modules = {name_of(path) for path in SOURCES}
    found = {
        (name_of(path), target)
        for path in SOURCES
        for target in imported(path) & modules
        if room_of(target) and room_of(name_of(path)) not in (None, room_of(target))
    }
    return found, {(a, b) for a, b in found if room_of(b) not in ROOMS[room_of(a) or ""]}


def docstrings() -> list[str]:
    """Return every docstring of the product."""
    defined = (node for path in SOURCES for node in nodes(path) if isinstance(node, Defined))
    return [told for node in defined if (told := ast.get_docstring(node))]


def comments(path: Path) -> int:
    """Return how many lines of a module have a comment for readers."""
    tokens = tokenize.generate_tokens(io.StringIO(text(path)).readline)
    said = (token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT)
    return sum(not words.startswith(FOR_TOOLS) for words in said)


def lengths() -> list[int]:
    """Return the lengths of all functions, in lines."""
    functions = (n for p in SOURCES for n in nodes(p) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def members() -> dict[str, int]:
    """Return how many members each part of the port has."""
    parts = (n for n in nodes(ROOT / "sinks/port.py") if isinstance(n, ast.ClassDef) and n.name != "Sink")
    return {part.name: len([n for n in part.body if isinstance(n, ast.FunctionDef)]) for part in parts}


def lines(paths: list[Path]) -> int:
    """Return how many lines there are that are not empty."""
    return sum(bool(line.strip()) for path in paths for line in text(path).splitlines())


def figures() -> dict[str, str]:
    """Return each figure with its name."""
    all_arrows, upward = arrows()
    told, functions, product = docstrings(), lengths(), lines(SOURCES)
    long = sum(length > LONG for length in functions)
    return {
        "rooms": f"{len(ROOMS)}",
        "floors": f"{max(floors().values())}",
        "arrows between rooms": f"{len(all_arrows)}, {len(upward)} of them upward",
        "members of the port": f"{sum(members().values())} in {len(members())} parts: "
        + ", ".join(f"{name} {number}" for name, number in members().items()),
        "docstrings of one line only": f"{sum(chr(10) not in each for each in told) / len(told):.0%} of {len(told)}",
        "semicolons in docstrings": f"{sum(each.count(';') for each in told)}",
        "comments per 100 lines": f"{100 * sum(map(comments, SOURCES)) / product:.1f}",
        f"functions over {LONG} lines": f"{long} of {len(functions)} ({long / len(functions):.1%})",
        "lines of product, not empty": f"{product:,}",
        "test lines per product line": f"{lines(sorted(ROOT.glob('tests/**/*.py'))) / product:.2f}",
    }


def main() -> None:
    """Print the figures."""
    found = figures()
    width = max(map(len, found))
    for name, figure in found.items():
        print(f"{name:<{width}}  {figure}")


if __name__ == "__main__":
    main()
