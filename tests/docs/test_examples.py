"""The examples work as they stand."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bridge.config.load import load
from bridge.config.schema import json_schema
from tests.docs.pages import DOCS, PAGES, fences, name_of

DEPLOY = DOCS / "guide" / "deploy"


def test_the_example_of_a_configuration_is_one() -> None:
    path = DEPLOY / "bridge.toml"
    settings = load(path, {})
    assert set(settings.clients) == {"billing", "legacy"}
    jsonschema.validate(tomllib.loads(path.read_text("utf-8")), json_schema())


def test_a_workflow_runs_one_at_a_time_and_stops_no_other() -> None:
    workflow = yaml.safe_load((DEPLOY / "github-actions.yml").read_text("utf-8"))
    assert workflow["concurrency"]["cancel-in-progress"] is False
    (commands,) = [step["with"]["run"] for step in workflow["jobs"]["rotate"]["steps"] if "run" in step["with"]]
    assert "secret-bridge rotate --due" in commands
    assert commands.endswith("secret-bridge status --check\n")


def test_a_cron_job_is_retried_runs_alone_and_writes_nothing() -> None:
    _, cron_job = yaml.safe_load_all((DEPLOY / "cronjob.yaml").read_text("utf-8"))
    spec = cron_job["spec"]
    session = spec["jobTemplate"]["spec"]
    (container,) = session["template"]["spec"]["containers"]
    assert (spec["concurrencyPolicy"], session["backoffLimit"]) == ("Forbid", 3)
    assert session["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [2]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_json_block_is_json(page: Path) -> None:
    for fence in fences(page, "json"):
        json.loads(fence.text)


class Auth0:
    """Accepts some values; each answer may come from a server that does not know the change yet."""

    def __init__(self, *accepted: set[str]) -> None:
        self._answers = list(accepted)
        self.asked: list[str] = []

    def __call__(self, value: str) -> tuple[int, str | None]:
        self.asked.append(value)
        accepted = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return (200, "token") if value in accepted else (401, None)


@pytest.fixture
def get_token() -> Callable[..., Any]:
    """The function that applications.md shows."""
    fence = fences(DOCS / "guide" / "applications.md", "python")[-1]
    names: dict[str, Any] = {}
    exec(fence.text, names)  # our own page
    function: Callable[..., Any] = names["get_token"]
    return function


def stored(**values: str) -> Callable[[str], str | None]:
    return values.get


def test_the_code_for_applications_reads_current_first_and_nothing_else(get_token: Callable[..., Any]) -> None:
    read: list[str] = []
    ask = Auth0({"new"})
    assert get_token(lambda stage: read.append(stage) or "new", ask) == (200, "token", "new")
    assert read == ["current"]


def test_it_finds_the_pending_value_when_auth0_is_ahead(get_token: Callable[..., Any]) -> None:
    assert get_token(stored(current="old", pending="new"), Auth0({"new"}))[2] == "new"


def test_it_finds_the_fallback_when_the_vault_is_ahead(get_token: Callable[..., Any]) -> None:
    assert get_token(stored(current="new", fallback="old"), Auth0({"old"}), remembered="new")[2] == "old"


def test_it_repeats_while_a_change_spreads(get_token: Callable[..., Any]) -> None:
    ask = Auth0({"old"}, {"new"}, {"new"})
    slept: list[float] = []
    found = get_token(stored(current="new", fallback="old"), ask, sleep=slept.append)
    assert (found[0], len(slept)) == (200, 1)


def test_it_gives_up_at_once_when_no_change_is_in_sight(get_token: Callable[..., Any]) -> None:
    ask = Auth0(set())
    assert get_token(stored(current="old"), ask, sleep=pytest.fail) == (401, None, None)
    assert ask.asked == ["old"]


def test_it_does_not_try_other_secrets_after_another_answer(get_token: Callable[..., Any]) -> None:
    asked: list[str] = []

    def ask(value: str) -> tuple[int, None]:
        asked.append(value)
        return 403, None

    assert get_token(stored(current="new", fallback="old"), ask) == (403, None, "new")
    assert asked == ["new"]
