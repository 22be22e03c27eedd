"""The jobs of the examples, started as each system would: commands, variables and directories are from the files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.canary.stage import Watcher
from tests.deploy.site import DEPLOY, Site
from tests.docs.pages import ROOT

ACTION = ROOT / ".github" / "actions" / "rotate"
LIMIT = 150


@dataclass(frozen=True)
class Job:
    """A job before it starts. Everything that it has is in here, and in the files below `home`."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    home: Path
    directory: Path


@dataclass(frozen=True)
class Ended:
    """How a job ended. `arguments` are those of its processes."""

    status: int
    told: str
    arguments: str


def run(job: Job) -> Ended:
    """Run a job to its end, and watch the arguments of its processes."""
    process = subprocess.Popen(
        job.arguments, env=dict(job.environment), cwd=job.directory, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    watcher = Watcher(process.pid)
    try:
        told, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        watcher.stop()
    return Ended(process.returncode, told, "\n".join(watcher.arguments))


def _base(site: Site, home: Path) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    # The address of the local AWS is all that a real job does not have.
    return {
        "PATH": f"{site.bin}:{os.environ['PATH']}", "HOME": str(home), "AWS_ENDPOINT_URL": site.aws_url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip


def github(site: Site, home: Path, client: str = "", command: str = "") -> Job:
    """Return the workflow's job, at the step in which the action runs the command."""
    workflow = yaml.safe_load((DEPLOY / "github-actions.yml").read_text("utf-8"))["jobs"]["rotate"]
    (used,) = (step["with"] for step in workflow["steps"] if step["uses"] == "./.github/actions/rotate")
    action = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
    given = {name: each.get("default") for name, each in action["inputs"].items()} | used
    (step,) = (each for each in action["runs"]["steps"] if each.get("name") == "Run")
    temp, workspace = home / "temp", home / "workspace"
    environ = _base(site, home) | site.issuer.variables() | {
        "RUNNER_TEMP": str(temp), "GITHUB_WORKSPACE": str(workspace), "GITHUB_ACTION_PATH": str(ACTION),
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/ops", "GITHUB_RUN_ID": "4711",
    }  # fmt: skip
    known = {f"inputs.{name}": str(value) for name, value in given.items()} | {"github.workspace": str(workspace)}
    known["inputs.run"] = command or known["inputs.run"]
    environ |= {name: _expressed(value, known) for name, value in step["env"].items()}
    environ |= {name: _expressed(value, {"inputs.client": client}) for name, value in workflow["env"].items()}
    for made in (temp, workspace / "ops"):
        made.mkdir(parents=True, exist_ok=True)
    (workspace / used["config"]).write_text(site.config)
    return Job(("bash", "-eo", "pipefail", "-c", step["run"]), environ, home, workspace)


def gitlab(site: Site, home: Path, client: str = "") -> Job:
    """Return the job of GitLab, after `before_script`."""
    job = yaml.safe_load((DEPLOY / "gitlab-ci.yml").read_text("utf-8"))["rotate"]
    project = home / "project"
    (project / "ops").mkdir(parents=True, exist_ok=True)
    (project / "ops" / "bridge.toml").write_text(site.config)
    (home / "temp").mkdir(exist_ok=True)
    environ = _base(site, home) | {"CI_PROJECT_DIR": str(project), "GITLAB_CI": "true", "TMPDIR": str(home / "temp")}
    environ |= {name: text.replace("$CI_PROJECT_DIR", str(project)) for name, text in job["variables"].items()}
    environ |= {name: site.issuer.token(each["aud"]) for name, each in job["id_tokens"].items()}
    environ |= {"CLIENT": client} if client else {}
    (script,) = job["script"]
    return Job(("bash", "-eo", "pipefail", "-c", script), environ, home, project)


def kubernetes(site: Site, home: Path, file: str = "cronjob.yaml", index: int = 0) -> Job:
    """Return the pod's container, with its projected tokens. `index` is the number of the pod in its job."""
    _, cron = yaml.safe_load_all((DEPLOY / file).read_text("utf-8"))
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (identity,) = (each["projected"]["sources"] for each in pod["volumes"] if "projected" in each)
    tokens = {each["serviceAccountToken"]["path"]: each["serviceAccountToken"]["audience"] for each in identity}
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    command = [word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in container["command"] + container["args"]]
    return _mounted(site, home, tokens, command, mounts["identity"],
                    {each["name"]: each["value"] for each in container["env"]})  # fmt: skip


def systemd(site: Site, home: Path) -> Job:
    """Return the service, with its credentials."""
    said = unit(DEPLOY / "systemd" / "secret-bridge.service")
    tokens = {
        each.partition(":")[0]: "vault" if each.startswith("vault") else "sts.amazonaws.com"
        for each in said["LoadCredential"]
    }
    variables = dict(each.split("=", 1) for each in said["Environment"])
    (directory,), (command,) = said["WorkingDirectory"], said["ExecStart"]
    assert directory == "%d"
    program, *arguments = shlex.split(command)
    return _mounted(site, home, tokens, [Path(program).name, *arguments], "%d", variables)


def worker(site: Site, home: Path, database: str, address: str) -> Job:
    """Return the worker's service, with its credential. `address` is where it listens instead."""
    said = unit(DEPLOY / "fleet" / "secret-bridge-worker.service")
    (directory,), (command,), (credential,) = said["WorkingDirectory"], said["ExecStart"], said["LoadCredential"]
    variables = dict(each.split("=", 1) for each in said["Environment"])
    program, *arguments = shlex.split(command)
    tokens = {"vault.jwt": "vault", "aws.jwt": "sts.amazonaws.com"}
    job = _mounted(site, home, tokens, [Path(program).name, *arguments], directory, variables)
    name, _, _ = credential.partition(":")
    (home / name).write_text(database)
    (home / name).chmod(0o400)
    fleet = f'[fleet]\ndatabase = "file:{home / name}"\nevery = "2s"\n'
    (home / "etc" / "bridge.toml").write_text(f"{site.config}\n{fleet}")
    listens = tuple(address if word == "127.0.0.1:9108" else word for word in job.arguments)
    assert address in listens
    return Job(listens, job.environment, home, job.directory)


def unit(path: Path) -> dict[str, list[str]]:
    """Return the settings of a unit, each with its values."""
    said: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        name, _, value = line.partition("=")
        said.setdefault(name, []).append(value)
    return said


def _mounted(site: Site, home: Path, tokens: Mapping[str, str], command: list[str], mounted: str,
             variables: Mapping[str, str]) -> Job:  # fmt: skip
    identity, etc = home / "identity", home / "etc"
    environ = _base(site, home) | {name: text.replace(mounted, str(identity)) for name, text in variables.items()}
    for made in (identity, etc):
        made.mkdir()
    for name, audience in tokens.items():
        (identity / name).write_text(site.issuer.token(audience))
    (etc / "bridge.toml").write_text(site.config)
    arguments = tuple(word.replace("/etc/secret-bridge", str(etc)) for word in command)
    return Job(arguments, environ, home, identity)


def _expressed(text: Any, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda found: known[found.group(1)], str(text))
