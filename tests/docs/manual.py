"""The manual page: `python -m tests.docs.manual` writes docs/reference/secret-bridge.1 from program and README."""

from __future__ import annotations

import re
from textwrap import wrap

from tests.docs.pages import DOCS, ROOT, section, tables
from tests.docs.program import Command, Parameter, commands, common

FILE = DOCS / "reference" / "secret-bridge.1"
ABOUT = (
    "Rotates an Auth0 application's client secret, and publishes it to Vault and AWS Secrets Manager. The new value is"
    " in every sink before Auth0 learns it. The previous one stays as fallback until it is retired."
)
FILES = (
    ("./bridge.toml", "the configuration, when neither --config nor BRIDGE_CONFIG names another one"),
    ("~/.vault-token", "a Vault token, where none is configured"),
)


def page() -> str:
    """Return the page as roff."""
    shared = common()
    lines = [
        '.TH SECRET\\-BRIDGE 1 "" "secret\\-bridge" "User Commands"',
        ".SH NAME", "secret\\-bridge \\- rotate the client secret of an Auth0 application",
        ".SH SYNOPSIS", ".B secret\\-bridge", "[\\fB\\-\\-color\\fR \\fIWHEN\\fR] \\fICOMMAND\\fR ...",
        ".SH DESCRIPTION", text(ABOUT),
        ".SH COMMON OPTIONS", "Most commands take these.", *items((each.names, each.help) for each in shared),
        ".SH COMMANDS", *(line for command in commands() for line in described(command, shared)),
        ".SH EXIT STATUS", *items((row[0], f"{row[1]}: a script {row[2]}") for row in told("Exit statuses")),
        ".SH ENVIRONMENT", *items(told("Environment variables")),
        ".SH FILES", *items(FILES),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def described(command: Command, shared: list[Parameter]) -> list[str]:
    """Return a command's lines."""
    own = [(each.names, each.help) for each in command.parameters if each not in shared]
    also = ", ".join(each.flag for each in shared if each in command.parameters)
    return [
        f'.SS "{escaped(command.usage)}"',
        *(text(part) for part in command.help.split("\n\n")[:1]),
        *(line for part in command.help.split("\n\n")[1:] for line in (".PP", text(part))),
        *items(own),
        *([".PP", text(f"Also, of the common options: {also}.")] if also else []),
        *([".PP", f"Example: \\fB{escaped(command.example)}\\fR"] if command.example else []),
    ]


def items(pairs: object) -> list[str]:
    """Return what is named and what is said of it, as a list."""
    return [line for name, *said in pairs for line in (".TP", f"\\fB{escaped(name)}\\fR", text(" ".join(said)))]  # type: ignore[attr-defined]  # rows of any kind


def told(heading: str) -> list[list[str]]:
    """Return a table of the README as plain text."""
    (rows,) = tables(section(ROOT / "README.md", heading))
    return [[re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", cell).replace("`", "") for cell in row] for row in rows]


def text(words: str) -> str:
    """Return a paragraph: no line of it is taken for a request, and each sentence begins a line."""
    sentences = re.sub(r"(?<=[.:]) (?=[A-Z])", "\n", " ".join(words.split())).split("\n")
    lines = [line for each in sentences for line in wrap(escaped(each), 79, break_on_hyphens=False)]
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in lines)


def escaped(words: str) -> str:
    """Return text as roff shows it: hyphens that can be copied, backslashes, and signs that not every terminal has."""
    signs = {"\\": "\\e", "-": "\\-", "…": "...", "'": "\\(aq", '"': "\\(dq"}
    return "".join(signs.get(sign, sign) for sign in words)


if __name__ == "__main__":
    FILE.write_text(page(), "utf-8")
