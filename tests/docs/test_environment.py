"""The environment variables that the documentation names are those that the code reads."""

from __future__ import annotations

import ast
import re

from bridge.cli.output.env_files import NAMES, PREFIX
from tests.docs.pages import EXAMPLES, PAGES, ROOT, section, spans, tables

SOURCES = [
    path
    for path in (*ROOT.glob("bridge/**/*.py"), *ROOT.glob("sinks/**/*.py"))
    if "sandbox" not in path.parts  # it sets them, and reads none of its own
]
PREFIXES = r"(?:AUTH0|VAULT|BAO|AWS|BRIDGE|GITHUB|GITLAB|CI)"
NAME = re.compile(rf"{PREFIXES}_[A-Z][A-Z0-9_]*|GITLAB_CI|HOME")


def in_pages(text: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIXES}_[A-Z][A-Z0-9_]*\b", text))


def read_by_the_code() -> set[str]:
    """Whole names, and those of which `usual(environ, "ADDR")` names the end: VAULT_ADDR, else BAO_ADDR."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Constant(value=str(text)) if NAME.fullmatch(text):
                    found.add(text)
                case ast.Call(func=ast.Name(id="usual"), args=[_, ast.Constant(value=str(end))]):
                    found |= {f"VAULT_{end}", f"BAO_{end}"}
    return found


def told() -> set[str]:
    (table,) = tables(section(ROOT / "README.md", "Environment variables"))
    return {name for row in table for name in spans(row[0])}


def test_the_readme_names_every_variable_that_the_code_reads_and_no_other() -> None:
    assert told() == read_by_the_code()


def given() -> set[str]:
    """What `read` prints and `exec` sets."""
    return {f"{PREFIX}{name}" for name in ("CLIENT_ID", *NAMES.values())}


OURS = tuple(path for path in EXAMPLES if "readers" not in path.parts)
"""The examples that run the bridge; readers live in sinks with variables of their own."""


JOBS = {"AWS_ROLE_ARN", "CI_PROJECT_DIR", "CI_PIPELINE_SOURCE", "VAULT_ID_TOKEN", "AWS_ID_TOKEN"}
"""What a job has for AWS's library and from GitLab; `tests/deploy` runs the jobs with them."""


def test_no_page_and_no_example_names_another_variable() -> None:
    known = told() | given() | JOBS
    unknown = {path.name: in_pages(path.read_text("utf-8")) - known for path in (*PAGES, *OURS)}
    assert {name: variables for name, variables in unknown.items() if variables} == {}
