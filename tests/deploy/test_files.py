"""Every file to copy passes the checker of its kind, and each checker rejects a broken copy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from bridge.fleet.shard import Shard
from bridge.model.errors import Usage
from tests.deploy.checks import CHECKS, DEPLOY, EXERCISED, GITHUB, IMAGES, Check, kustomize, program, rendered
from tests.docs.pages import DOCS, ROOT

BY_NAME = {check.name: check for check in CHECKS}
each_check = pytest.mark.parametrize("check", BY_NAME.values(), ids=list(BY_NAME))


@each_check
def test_every_file_passes_the_checker_of_its_kind(check: Check) -> None:
    assert check.found() or check.files == IMAGES
    assert {str(path): told for path in check.found() if (told := check.complaint(path))} == {}


@each_check
def test_a_broken_copy_is_rejected(check: Check, tmp_path: Path) -> None:
    good, broken = check.fault
    for path in check.found() or [_image(tmp_path)]:
        text, count = re.subn(_pattern(good), broken, path.read_text("utf-8"), count=1)
        if count:
            copied = tmp_path / "broken" / path.name
            copied.parent.mkdir(exist_ok=True)
            copied.write_text(text)
            assert check.complaint(copied) != "", path


@each_check
def test_the_fault_stands_in_some_file(check: Check) -> None:
    found = [path.read_text("utf-8") for path in check.found()]
    assert check.files == IMAGES or any(re.search(_pattern(check.fault[0]), text) for text in found)


def _pattern(good: str) -> str:
    return good if "\\" in good or "[" in good else re.escape(good)


def _image(directory: Path) -> Path:
    path = directory / "Containerfile"
    path.write_text("FROM debian:12.1-slim\nUSER nobody\n")
    return path


def test_no_file_is_without_a_check() -> None:
    checked = {path for check in CHECKS for path in check.found()}
    files = [path for folder in (DEPLOY, GITHUB) for path in folder.rglob("*") if path.is_file()]
    left = [path for path in files if path not in checked and path.suffix not in EXERCISED]
    left.remove(GITHUB / "allowed_signers")  # ssh-keygen reads it, in tests/package
    assert [str(path.relative_to(ROOT)) for path in left if "__pycache__" not in path.parts] == []


def test_every_example_uses_the_one_configuration() -> None:
    rendered_maps = [each for each in yaml.safe_load_all(rendered(DEPLOY)) if each["kind"] == "ConfigMap"]
    assert [each["data"] for each in rendered_maps] == [{"bridge.toml": (DEPLOY / "bridge.toml").read_text("utf-8")}]
    for name in ("github-actions.yml", "gitlab-ci.yml", "systemd/secret-bridge.service"):
        assert "/bridge.toml" in (DEPLOY / name).read_text("utf-8"), name


SHARES = DEPLOY / "fleet" / "indexed-cronjob.yaml"


def shares(text: str) -> list[Shard]:
    """Return the share of each pod of a job, in the order of their numbers."""
    job = list(yaml.safe_load_all(text))[-1]["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    words = container["args"]
    told = words[words.index("--shard") + 1]
    return [Shard.parse(told.replace("$(JOB_COMPLETION_INDEX)", str(pod))) for pod in range(job["completions"])]


@pytest.mark.parametrize(("good", "other"), [("", ""), ("+1/4", "+1/5"), ("completions: 4", "completions: 3")])
def test_the_pods_of_the_indexed_job_have_each_share_once(good: str, other: str) -> None:
    text = SHARES.read_text("utf-8")
    found = shares(text.replace(good, other))
    assert (found == [Shard(number, len(found)) for number in range(1, len(found) + 1)]) is (good == other)


def test_an_indexed_job_for_more_pods_than_shares_is_seen() -> None:
    with pytest.raises(Usage, match='found "4\\+1/4"'):
        shares(SHARES.read_text("utf-8").replace("completions: 4", "completions: 5"))


def test_the_indexed_job_takes_the_place_of_the_other_one(tmp_path: Path) -> None:
    copied = tmp_path / "kustomization.yaml"
    text = (DEPLOY / "kustomization.yaml").read_text("utf-8")
    copied.write_text(text.replace("- cronjob.yaml", "- fleet/indexed-cronjob.yaml"))
    assert kustomize(copied) == ""
    plain, indexed = (
        {(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all((DEPLOY / name).read_text("utf-8"))}
        for name in ("cronjob.yaml", "fleet/indexed-cronjob.yaml")
    )
    assert plain == indexed


def test_the_page_quotes_the_units_exposure() -> None:
    analyze, service = program("systemd-analyze", "Debian's systemd"), DEPLOY / "systemd" / "secret-bridge.service"
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", service], capture_output=True, text=True, check=True
    )
    (quoted,) = re.findall(r"rates the service (\d\.\d)\.", (DOCS / "guide" / "ci.md").read_text("utf-8"))
    assert f"Overall exposure level for secret-bridge.service: {quoted} " in done.stdout
