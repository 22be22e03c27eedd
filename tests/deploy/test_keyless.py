"""The examples' jobs from end to end: nothing is stored beforehand, nothing is left, and what they get ends soon.

Real are OpenBao, the tokens' signatures, the private key, the commands and the configuration. Stand-ins are the issuer,
Auth0 and AWS, whose trust policy is checked by the test. Not run: the runners, a cluster, and systemd as PID 1.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.sts.models import sts_backends

from tests.canary.stage import leaks
from tests.deploy import jobs
from tests.deploy.conftest import GITHUB
from tests.deploy.jobs import Job, run
from tests.deploy.site import BILLING, LEGACY, PAGE, Site
from tests.docs.pages import ROOT, fences
from tests.support.postgres import Postgres
from tests.unit.agent.running import free_port

GITLAB = "project_path:acme/ops:ref_type:branch:ref:main"
POD = "system:serviceaccount:secret-bridge:secret-bridge"
SHARES = "fleet/indexed-cronjob.yaml"
LOGIN = "POST /v1/auth/jwt/login"
SYSTEMS: dict[str, tuple[str, Callable[..., Job]]] = {
    "github": (GITHUB, lambda site, home: jobs.github(site, home, client="billing")),
    "gitlab": (GITLAB, lambda site, home: jobs.gitlab(site, home, client="billing")),
    "kubernetes": (POD, jobs.kubernetes),
    "shares": (POD, lambda site, home: jobs.kubernetes(site, home, SHARES)),
    "systemd": ("spiffe://acme.example/secret-bridge", jobs.systemd),
}


@pytest.fixture(scope="module", autouse=True)
def _adopted(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    command = "secret-bridge adopt billing --yes; secret-bridge adopt legacy --yes"
    done = run(jobs.github(site, tmp_path_factory.mktemp("adopting"), command=command))
    assert done.status == 0, done.told


@pytest.fixture(autouse=True)
def _usual(site: Site) -> Iterator[None]:
    yield
    site.issuer.changes = {}
    site.bind(GITHUB)


def files(directory: Path) -> dict[str, str]:
    return {str(path): path.read_text(errors="replace") for path in directory.rglob("*") if path.is_file()}


def secrets_of(site: Site) -> set[str]:
    return site.secrets | {site.auth0.tenant.secret(client) for client in (BILLING, LEGACY)}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_job_that_stores_nothing_rotates_in_both_vaults_and_leaves_nothing(
    system: str, site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, tokens = site.auth0.tenant, list[str]()
    issue = tenant.issue

    def issued(*told: Any) -> str:
        made: str = issue(*told)
        tokens.append(made.rpartition(".")[2])  # its signature: other tokens begin in the same way
        return made

    monkeypatch.setattr(tenant, "issue", issued)
    subject, job_of = SYSTEMS[system]
    site.bind(subject)
    before, logins = site.stored(), site.asked[LOGIN]
    roles = sts_backends["111122223333"]["aws"].assumed_roles
    assumed = len(roles)
    job = job_of(site, home)
    had = "\n".join([*job.arguments, *job.environment.values(), *files(home).values()])
    assert leaks(had, secrets_of(site)) == []
    began = time.time()
    done = run(job)
    assert done.status == 0, done.told
    after = site.stored()
    assert len(set(after.values())) == 1
    assert after["auth0"] != before["auth0"]
    # The identity tokens of GitHub and GitLab are gone; a pod's and a unit's go with the pod and the unit.
    mine = roles[assumed:]
    obtained = {text for role in mine for text in (role.secret_access_key, role.session_token)} | set(tokens)
    hidden = secrets_of(site) | set(before.values()) | obtained | set(site.issuer.issued if "git" in system else ())
    assert leaks("\n".join(files(home).values()), hidden) == []
    assert leaks(done.told, hidden | set(site.issuer.issued)) == []
    assert leaks(done.arguments, hidden | set(site.issuer.issued)) == []
    assert not [path for path in (home / "temp").rglob("*") if path.suffix == ".jwt"]
    # The sinks and the private key share it. A sweep has one of its own.
    assert site.asked[LOGIN] - logins == (2 if system == "shares" else 1)
    assert site.vault_tokens() == []  # it is given back
    assert site.vault_lifetimes() == (600, 1800)
    assert mine
    assert tokens
    assert max(role.expiration.timestamp() for role in mine) <= time.time() + 3600
    assert tenant.settings.token_lifetime.total_seconds() <= 86400
    assert time.time() - began < jobs.LIMIT


def test_a_pod_whose_share_has_no_tenant_asks_nobody(site: Site, home: Path) -> None:
    site.bind(POD)
    before, asked = site.stored(), site.asked.total()
    done = run(jobs.kubernetes(site, home, SHARES, index=1))
    assert (done.status, done.told) == (
        0,
        "nothing is next: 0 clients looked at; a tenant is never divided, and this share has none\n",
    )
    assert (site.stored(), site.asked.total()) == (before, asked)


FUNCTIONS = """
import os, pathlib, sys
from bridge.config.load import load
from bridge.fleet.act import act
from bridge.fleet.sweep import sweep
for action in sweep(load(pathlib.Path(sys.argv[1]), os.environ)).actions:
    print(act(load(pathlib.Path(sys.argv[1]), os.environ), action))
"""


def test_whoever_calls_the_two_functions_leaves_no_login_behind(site: Site, home: Path) -> None:
    site.bind(POD)
    logins, job = site.asked[LOGIN], jobs.kubernetes(site, home)
    # It does not end by `main`, which gives back whatever is left.
    arguments = ("python", "-c", FUNCTIONS, str(home / "etc" / "bridge.toml"))
    done = run(Job(arguments, {**job.environment, "PYTHONPATH": str(ROOT)}, home, job.directory))
    assert (done.status, done.told) == (0, "billing: rotated\nlegacy: rotated\n")
    assert site.asked[LOGIN] - logins == 3  # one each: the sweep, and two actions
    assert site.vault_tokens() == []


def test_the_worker_of_the_unit_rotates_again_and_again_by_tokens_that_are_renewed(site: Site, home: Path) -> None:
    site.bind("spiffe://acme.example/secret-bridge")
    address = f"127.0.0.1:{free_port()}"
    with Postgres(home.parent / "postgres") as postgres:
        job = jobs.worker(site, home, postgres.make(), address)
        log = home / "log"
        with log.open("w") as told:
            process = subprocess.Popen(job.arguments, env=dict(job.environment), cwd=job.directory, stdout=told,
                                       stderr=told)  # fmt: skip
        try:
            _until(lambda: log.read_text().count("billing: rotated") > 0, log)
            site.issuer.changes = REFUSALS["exp"][0]
            (job.directory / "vault.jwt").write_text(site.issuer.token("vault"))
            _until(lambda: "the credentials were refused" in log.read_text(), log)
            site.issuer.changes = {}
            (job.directory / "vault.jwt").write_text(site.issuer.token("vault"))
            count = log.read_text().count("billing: rotated")
            _until(lambda: log.read_text().count("billing: rotated") > count, log)
            assert httpx.get(f"http://{address}/readyz", trust_env=False).status_code == 200
            process.terminate()
            assert process.wait(jobs.LIMIT) == 0
        finally:
            process.kill()
            process.wait()
    assert leaks(log.read_text(), secrets_of(site) | set(site.issuer.issued)) == []
    assert site.vault_tokens() == []


def _until(so: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + jobs.LIMIT
    while not so():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)


def test_a_token_that_a_command_keeps_prints_or_names_would_be_seen(site: Site, home: Path) -> None:
    command = 'cp vault.jwt "$HOME/kept"; cat vault.jwt; bash -c "sleep 0.5; true" "$(cat vault.jwt)"'
    done = run(jobs.github(site, home, command=command))
    issued = set(site.issuer.issued)
    seen = (*files(home).values(), ""), (done.told,), (done.arguments,)
    assert all(leaks("\n".join(each), issued) for each in seen)


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "sub": ({"sub": "repo:acme/ops:ref:refs/heads/main"}, 'sub "repo:acme/ops:ref:refs/heads/main"'),
    "aud": ({"aud": "another"}, 'aud "another"'),
    "exp": ({"iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_300}, "expired 2023-11-14T22:18:20Z"),
}


@pytest.mark.parametrize("claim", REFUSALS)
def test_a_token_of_somebody_else_is_refused_with_its_claim_and_nothing_is_changed(
    claim: str, site: Site, home: Path
) -> None:
    before = site.stored()
    site.issuer.changes, told = REFUSALS[claim]
    done = run(jobs.github(site, home, client="billing"))
    site.issuer.changes = {}
    assert done.status == 1
    assert "the token of vaults.eu.auth.jwt has " in done.told
    assert told in done.told
    (shown,) = (fence.text for fence in fences(PAGE, "text"))
    first, second, _, last = shown.replace("https://vault.eu.example:8200", site.vault_url).splitlines()
    assert {first, second, last} <= set(done.told.splitlines())
    assert leaks(done.told, set(site.issuer.issued)) == []
    assert site.stored() == before
    assert files(home / "temp") == {}


@pytest.mark.parametrize("claim", REFUSALS)
def test_aws_refuses_such_a_token_by_the_trust_policy_of_the_page(claim: str, site: Site) -> None:
    assert site.trusts(site.issuer.token("sts.amazonaws.com")) is None
    site.issuer.changes = REFUSALS[claim][0]
    assert site.trusts(site.issuer.token("sts.amazonaws.com")) is not None


def test_a_job_that_aws_refuses_changes_nothing(site: Site, home: Path) -> None:
    before = site.stored()
    job = jobs.github(site, home, client="billing")
    done = run(Job(job.arguments, {**job.environment, "AWS_AUDIENCE": "another"}, job.home, job.directory))
    assert done.status == 1, done.told
    assert "use1://apps/billing" in done.told or "AWS" in done.told
    assert "Nothing was changed." in done.told
    assert site.stored() == before


def test_a_job_without_the_permission_says_which_one_is_missing(site: Site, home: Path) -> None:
    job = jobs.github(site, home, client="billing")
    environ = {name: text for name, text in job.environment.items() if not name.startswith("ACTIONS_")}
    done = run(Job(job.arguments, environ, job.home, job.directory))
    assert (done.status, done.told) == (
        1, "ACTIONS_ID_TOKEN_REQUEST_URL is not set: give the job the permission 'id-token: write'\n",
    )  # fmt: skip


def test_the_command_gets_neither_the_request_for_tokens_nor_a_shared_directory(site: Site, home: Path) -> None:
    done = run(jobs.github(site, home, command="env; pwd; stat -c %a . vault.jwt aws.jwt"))
    assert done.status == 0, done.told
    assert "ACTIONS_ID_TOKEN" not in done.told
    assert site.issuer.bearer not in done.told
    assert done.told.splitlines()[-3:] == ["700", "600", "600"]
    assert files(home / "temp") == {}


def test_a_job_that_is_stopped_waits_for_the_bridge_and_leaves_no_token(site: Site, home: Path) -> None:
    command = "kill -TERM $PPID; sleep 1; echo finished; false"
    done = run(
        jobs.github(site, home, command=f"bash -c 'trap \"\" TERM; {command.replace('$PPID', '$0')}' $PPID; echo never")
    )
    assert done.status == 143, done.told
    assert "finished" in done.told
    assert "never" not in done.told
    assert files(home / "temp") == {}
