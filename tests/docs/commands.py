"""The commands as a page: `python -m tests.docs.commands` writes docs/reference/commands.md from the program."""

from __future__ import annotations

from tests.docs.pages import DOCS
from tests.docs.program import Command, Parameter, commands, common

FILE = DOCS / "reference" / "commands.md"
HEAD = """\
# Commands

Every command with its arguments and options, as the program describes them. A test compares this page with the program.

- What each command is for: [README](../../README.md#commands). Its exit statuses:
  [README](../../README.md#exit-statuses).
- The same as a manual page: [secret-bridge.1](secret-bridge.1).
- Every command has `--help`. `secret-bridge --version` prints the version.
- `--color auto`, `always` or `never` stands before the command.
"""


def page() -> str:
    """Return the page."""
    every, shared = commands(), common()
    parts = [HEAD, "## Common options", "Most commands take these.", table(shared)]
    for panel in dict.fromkeys(command.panel for command in every):
        parts.append(f"## {panel}")
        parts += [part for command in every if command.panel == panel for part in described(command, shared)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def described(command: Command, shared: list[Parameter]) -> list[str]:
    """Return a command's section, in parts."""
    own = [each for each in command.parameters if each not in shared]
    also = [f"`{each.flag}`" for each in shared if each in command.parameters]
    return [
        f"### {command.name}",
        command.help,
        f"```text\n{command.usage}\n```",
        *([f"Example: `{command.example}`"] if command.example else []),
        *([table(own)] if own else []),
        *([f"And of the [common options](#common-options): {', '.join(also)}."] if also else []),
    ]


def table(parameters: list[Parameter]) -> str:
    """Return arguments and options as a table."""
    rows = [f"| `{each.names}` | {plain(each.help)} |" for each in parameters]
    return "\n".join(["| argument or option | what it does |", "|---|---|", *rows])


def plain(text: str) -> str:
    """Return a help text as Markdown that shows just this text."""
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("\n", " ")


if __name__ == "__main__":
    FILE.write_text(page(), "utf-8")
