"""What `policy` prints: from the configuration alone, one block for each vault and tenant."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from sinks.rights import Role
from tests.docs.pages import DOCS, fences
from tests.e2e.command import Ended, invoke
from tests.unit.policy.rights import of, printed, rules_in

CONFIG = """
[tenants.prod]
domain = "acme.eu.auth0.com"
client_id = "env:NOT_SET"
client_secret = "file:/no/such/file"

[vaults.eu]
type = "vault"
url = "https://vault.eu.example:8200"
pending_suffix = "/next"

[vaults.us]
type = "vault"
url = "https://vault.us.example:8200"
namespace = "team/billing"

[vaults.use1]
type = "aws"
region = "us-east-1"
role_arn = "arn:aws:iam::111122223333:role/secret-bridge"

[vaults.aws]
type = "aws"

[clients.billing]
tenant = "prod"
client_id = "AbC123"
sinks = ["eu://secret/apps/billing#one", "us://team/kv/apps/billing", "use1://apps/billing?bare"]

[clients.orders]
tenant = "prod"
client_id = "XyZ789"
strategy = "auth0-generated"
sinks = [
  "eu://secret/apps/orders",
  "aws://cn-north-1/orders",
  "aws://arn:aws:secretsmanager:eu-west-1:222233334444:secret:orders-AbCdEf",
  "aws://arn:aws:secretsmanager:eu-west-1:222233334444:secret:orders",
]
"""


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.toml"
    path.write_text(CONFIG, "utf-8")
    return path


def refused(*options: str) -> Ended:
    ended = invoke("policy", "--role", "operator", *options)
    assert ended.status == 2
    return ended


def test_each_vault_and_each_tenant_has_a_block_that_is_headed_by_its_name() -> None:
    heads = [block["comments"][0].partition(":")[0] for block in printed("--role", "operator")]
    assert heads == [block["name"] for block in printed("--role", "operator")] == ["eu", "us", "use1", "aws", "prod"]
    lines = invoke("policy", "--role", "operator").out.split("\n\n")
    assert [block.partition(":")[0] for block in lines] == [f"# {head}" for head in heads]


def test_a_name_chooses_a_client_and_without_one_all_are_meant() -> None:
    every, billing = (rules_in(of(printed(*names, "--role", "auditor"), "hcl")) for names in ((), ("billing",)))
    assert {"secret/metadata/apps/orders", "secret/metadata/apps/billing"} <= set(every)
    assert set(billing) < set(every)
    assert "secret/metadata/apps/orders" not in billing


def test_mounts_suffixes_keys_and_namespaces_are_heeded() -> None:
    told = printed("billing", "--role", "application", "--mount", "team/kv/")
    assert set(rules_in(of(told, "hcl"))) == {
        "secret/data/apps/billing", "secret/data/apps/billing/next",
        "team/kv/data/apps/billing", "team/kv/data/apps/billing/pending",
    }  # fmt: skip
    assert "namespace team/billing" in told[1]["comments"][0]


def test_a_secret_is_named_by_its_region_and_as_far_as_it_is_known_its_account() -> None:
    use1, other = of(printed("--role", "operator"), "iam")
    assert use1["Statement"][0]["Resource"] == [
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:apps/billing-??????"
    ]
    assert other["Statement"][0]["Resource"] == [
        "arn:aws-cn:secretsmanager:cn-north-1:*:secret:orders-??????",
        "arn:aws:secretsmanager:eu-west-1:222233334444:secret:orders-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:222233334444:secret:orders-??????",
    ]
    created = [policy["Statement"][1]["Condition"]["StringEquals"] for policy in (use1, other)]
    assert [each["secretsmanager:Name"] for each in created] == [["apps/billing"], ["orders"]]  # an ARN cannot be made


@pytest.mark.parametrize(
    ("role", "keys"),
    [
        (Role.OPERATOR, "kms:Decrypt and kms:GenerateDataKey"), (Role.SECURITY, "kms:Decrypt and kms:GenerateDataKey"),
        (Role.APPLICATION, "kms:Decrypt"), (Role.AUDITOR, ""),
    ],
)  # fmt: skip
def test_aws_comments_tell_the_rights_at_a_key_the_role_and_the_account_to_write(role: Role, keys: str) -> None:
    use1, aws = (block["comments"] for block in printed("--role", role) if block["format"] == "iam")
    for comments in (use1, aws):
        hint = [line for line in comments if "kms" in line]
        assert hint == ([f"where a secret has a KMS key of its own: {keys} on that key"] if keys else [])
    assert any("secret-bridge, which the bridge assumes" in line for line in use1) is (
        role in (Role.OPERATOR, Role.SECURITY)
    )
    assert [any("your account's number" in line for line in comments) for comments in (use1, aws)] == [False, True]


def test_a_policy_that_is_too_long_for_aws_says_so() -> None:
    sinks = [word for n in range(90) for word in ("--sink", f"aws://us-east-1/{'a' * 60}-{n}")]
    (block,) = [b for b in printed("AbC", *sinks, "--role", "auditor") if b["format"] == "iam"]
    assert "6144 characters" in block["comments"][-1]
    assert not any("6144" in line for b in printed("--role", "auditor") for line in b["comments"])


def test_the_scope_that_reads_every_secret_says_when_it_is_needed() -> None:
    assert "auth0-generated of orders" in printed("--role", "operator")[-1]["comments"][1]
    assert "leave it out" in printed("billing", "--role", "operator")[-1]["comments"][1]
    assert not any("read:client_keys" in line for line in printed("--role", "security")[-1]["comments"])


@pytest.mark.parametrize("role", Role)
def test_every_right_says_why(role: Role) -> None:
    for block in printed("--role", role):
        if block["format"] == "hcl":
            assert all(re.search(r"\}  # \S", line) for line in block["policy"].splitlines())
            continue
        rights = block["policy"] if block["format"] == "scopes" else actions(block["policy"])
        for right in rights:
            assert any(line.startswith(right) and len(line) > len(right) + 5 for line in block["comments"]), right


def actions(policy: dict[str, Any]) -> set[str]:
    named = [each["Action"] for each in policy["Statement"]]
    listed = [action for each in named for action in (each if isinstance(each, list) else [each])]
    return {action.removeprefix("secretsmanager:") for action in listed}


def test_one_language_alone_can_be_sent_into_a_file() -> None:
    iam = invoke("policy", "billing", "--role", "application", "--format", "iam")
    assert json.loads(iam.out)["Version"] == "2012-10-17"
    assert "# use1: AWS" in iam.err
    hcl = invoke("policy", "--role", "auditor", "--format", "hcl")
    assert all(line.startswith(("path ", "# ")) or not line for line in hcl.out.splitlines())
    scopes = invoke("policy", "--role", "security", "--format", "scopes")
    assert scopes.out.splitlines()[-1] == "read:logs"
    assert "path" not in scopes.out


def test_a_bare_client_id_needs_its_places_and_no_variable_at_all(tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").unlink()
    assert not [name for name in os.environ if name.startswith(("VAULT_", "AWS_", "AUTH0_"))]
    told = printed("AbC123", "--sink", "vault://secret/apps/x", "--key", "own", "--role", "auditor")
    assert set(rules_in(of(told, "hcl"))) == {
        "secret/metadata/apps/x", "secret/metadata/apps/x/pending", "secret/config",
    }  # fmt: skip
    assert "AUTH0_DOMAIN" in told[-1]["comments"][0]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("count", "folder", "listed"), [(9, "apps/", False), (10, "apps/", True), (10, "", True)])
def test_a_folder_of_many_documents_may_be_listed_and_need_not_be(
    role: Role, count: int, folder: str, listed: bool, tmp_path: Path
) -> None:
    (tmp_path / "bridge.toml").unlink()
    sinks = [word for number in range(count) for word in ("--sink", f"vault://secret/{folder}client-{number}")]
    (text,) = of(printed("AbC123", *sinks, "--role", role), "hcl")
    said = [line for line in text.splitlines() if "detailed-metadata" in line]
    line = f'# path "secret/detailed-metadata/{folder}" {{ capabilities = ["list", "scan"] }}  # optional, OpenBao only'
    assert [each.partition(":")[0] for each in said] == ([line] if listed and role is not Role.APPLICATION else [])


@pytest.mark.parametrize("path", ["secret/apps/bill*", "secret/+/x", "secret/{{identity.entity.id}}", 'secret/a"b'])
def test_a_path_that_a_policy_reads_as_more_than_itself_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").unlink()
    ended = refused("AbC123", "--sink", f"vault://{path}")
    assert f"{path}/pending: found " in ended.err
    assert "expected a path that a Vault policy takes literally" in ended.err


def test_a_mount_that_no_place_is_in_and_a_language_that_nothing_is_in_are_refused(tmp_path: Path) -> None:
    ended = refused("--mount", "team/vk")
    assert "--mount: found team/vk, expected what a path in a vault begins with" in ended.err
    assert "-> the mounts are: secret, team" in ended.err
    (tmp_path / "bridge.toml").unlink()
    assert "--format: found iam" in refused("AbC", "--sink", "vault://secret/x", "--format", "iam").err


def test_the_pages_show_what_is_printed(tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").unlink()
    sinks = ("--sink", "vault://secret/apps/billing", "--sink", "aws://us-east-1/apps/billing")
    for role, page in ((Role.OPERATOR, "security.md"), (Role.APPLICATION, "applications.md")):
        told = printed("AbC123", *sinks, "--role", role)
        (hcl,) = fences(DOCS / "guide" / page, "hcl")
        assert rules_in([hcl.text]) == rules_in(of(told, "hcl"))
        (shown,) = (json.loads(fence.text) for fence in fences(DOCS / "guide" / page, "json"))
        (policy,) = of(told, "iam")
        for one, other in zip(shown.get("Statement", [shown]), policy["Statement"], strict=False):
            actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
            assert (one["Effect"], actions, one.get("Condition")) == (
                other["Effect"], other["Action"], other.get("Condition"),
            )  # fmt: skip
