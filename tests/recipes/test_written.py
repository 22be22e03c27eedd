"""What cannot be run here is at least well-formed, says the same as the rest, and the page names every file."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import DOCS, fences
from tests.docs.test_pages import FORBIDDEN
from tests.e2e.world import MakeWorld
from tests.recipes.recipe import READERS, adopted, asking, module

PAGE = DOCS / "guide" / "recipes.md"
COMPANIONS = ["client_secret", "client_secret_next", "client_secret_previous"]
NAMES = ["current", "pending", "fallback"]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((READERS / "kubernetes" / name).read_text("utf-8")))


def test_the_page_links_every_file_and_every_link_is_a_file() -> None:
    linked = set(re.findall(r"\]\(deploy/readers/([^)]+)\)", PAGE.read_text("utf-8")))
    there = {str(path.relative_to(READERS)) for path in READERS.rglob("*") if path.is_file()}
    assert linked >= {name for name in there if "__pycache__" not in name and not name.endswith(".mjs")}
    assert linked <= there


@pytest.mark.parametrize("name", ["external-secrets-vault.yaml", "external-secrets-aws.yaml"])
def test_the_operators_secret_has_the_three_companions_of_one_read(name: str) -> None:
    store, secret = documents(name)
    spec = secret["spec"]
    assert spec["secretStoreRef"] == {"kind": store["kind"], "name": store["metadata"]["name"]}
    assert spec["target"]["template"]["data"] == {
        name: f"{{{{ .{key} }}}}" for name, key in zip(NAMES, COMPANIONS, strict=True)
    }
    assert spec["dataFrom"] == [{"extract": {"key": "apps/billing"}}]


def test_the_drivers_files_have_the_names_that_the_reader_reads() -> None:
    (vault,) = documents("csi-vault.yaml")
    (aws,) = documents("csi-aws.yaml")
    mounted = yaml.safe_load(vault["spec"]["parameters"]["objects"])
    assert [(item["objectName"], item["secretKey"]) for item in mounted] == list(zip(NAMES, COMPANIONS, strict=True))
    (document,) = yaml.safe_load(aws["spec"]["parameters"]["objects"])
    assert [(part["objectAlias"], part["path"]) for part in document["jmesPath"]] == list(
        zip(NAMES, COMPANIONS, strict=True)
    )


def test_a_task_names_keys_of_the_current_version_only() -> None:
    task = json.loads((READERS / "ecs-task.json").read_text("utf-8"))
    (container,) = task["containerDefinitions"]
    parts = [secret["valueFrom"].split(":")[-3:] for secret in container["secrets"]]
    assert parts == [[key, "AWSCURRENT", ""] for key in COMPANIONS]
    assert [secret["name"].lower() for secret in container["secrets"]] == NAMES


def test_who_restarts_a_deployment_may_do_nothing_else() -> None:
    role, binding = documents("rollout.yaml")
    (deployment,) = documents("deployment.yaml")
    (rule,) = role["rules"]
    assert (rule["resourceNames"], rule["verbs"]) == ([deployment["metadata"]["name"]], ["get", "patch"])
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_every_file_is_fit_to_be_shown() -> None:
    for path in READERS.rglob("*.*"):
        if path.suffix == ".pyc" or path.is_dir():
            continue
        text = path.read_text("utf-8")
        assert FORBIDDEN.findall(text) == [], path.name
        if path.suffix == ".py":
            ast.parse(text)


def test_the_environments_reader_and_a_directory_of_files_are_readers_too(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = adopted(make_world(ends="aws"))
    asked = asking(world, monkeypatch)
    values = {"current": "refused", "pending": world.live}
    (tmp_path / "auth0.json").mkdir()
    for name, value in values.items():
        monkeypatch.setenv(name.upper(), value)
        (tmp_path / "auth0.json" / name).write_text(value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert module("read_file", {}).token()["access_token"]
    (shown,) = fences(PAGE, "python")
    names: dict[str, Any] = {"os": os}
    exec(shown.text, names)  # our own page
    assert asked.get_token(names["candidates"])["access_token"]
