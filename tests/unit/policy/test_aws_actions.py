"""No action of the IAM policies can be left out, and they allow nothing else."""

from __future__ import annotations

from pathlib import Path

import botocore.session
import pytest

from sinks.rights import Role
from tests.e2e.sinks import REGION
from tests.e2e.world import MakeWorld, World
from tests.unit.policy.iam import ACCOUNT, Guard, allowed
from tests.unit.policy.rights import Somebody, Vault, of, printed, write_config


def breaking(role: Role, action: str) -> tuple[str, ...]:
    """Return a command of a role that should not do without an action."""
    if role in (Role.AUDITOR, Role.APPLICATION):
        return ("status" if role is Role.AUDITOR else "read", "billing")
    change = ("retire", "billing", "--yes") if role is Role.SECURITY else ("rotate", "billing", "--no-wait")
    others: dict[str, tuple[str, ...]] = {
        "DescribeSecret": ("status", "billing"),
        "ListSecretVersionIds": ("status", "billing"),
        "GetSecretValue": ("verify", "billing"),
        "UpdateSecretVersionStage": (*change, "--dry-run"),
    }
    if role is Role.OPERATOR:
        others |= {"CreateSecret": ("rotate", "shop", "--no-wait", "--yes"), "UntagResource": ("forget", "billing")}
    if role is Role.SECURITY:
        others |= {"UntagResource": ("evidence", "billing", "--record")}
    return others.get(action.partition(":")[2], change)


def adopted(world: World, empty: World, somebody: Somebody, directory: Path) -> None:
    """Have a managed sink with a fallback, and one that does not exist; in AWS alone."""
    world.fill(world.aws)
    sinks = {"billing": (world, (f"use1://{world.aws.name}",)), "shop": (empty, (f"use1://{empty.aws.name}",))}
    write_config(directory, sinks)
    somebody.can("rotate", "billing", "--adopt", "--no-wait")
    world.spread()


@pytest.mark.parametrize("role", Role)
def test_no_action_of_awss_policy_can_go(
    make_hasty: MakeWorld, role: Role, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty, world = make_hasty(), make_hasty()
    with Vault(world.servers.bao, unique) as vault:
        somebody = Somebody(world, vault, guard, monkeypatch)
        adopted(world, empty, somebody, tmp_path)
        (policy,) = of(somebody.become("--role", role), "iam")
        for number, statement in enumerate(policy["Statement"]):
            for action in statement["Action"] if statement["Effect"] == "Allow" else ():
                statements = [*policy["Statement"]]
                left = [each for each in statement["Action"] if each != action]
                statements[number] = {**statement, "Action": left}
                somebody.iam = [{"Statement": statements}]
                ended = somebody.run(*breaking(role, action))
                assert ended.status in (1, 3), (action, ended.told)
                assert f"AWS denied {action}" in ended.told
        somebody.iam = [policy]
        if role is Role.OPERATOR:
            somebody.can("resume", "billing", "--takeover")  # the forgetting
        somebody.can(*breaking(role, policy["Statement"][0]["Action"][0]))


def test_awss_policies_allow_nothing_else(make_hasty: MakeWorld, guard: Guard, tmp_path: Path) -> None:
    world = make_hasty()
    write_config(tmp_path, {"billing": (world, (f"use1://{world.aws.name}",))})
    every = botocore.session.get_session().get_service_model("secretsmanager").operation_names
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{world.aws.name}"
    near = [f"{arn}2-AbCdEf", f"{arn}/x-AbCdEf", f"{arn}-abcdef-AbCdEf", arn[:-1], arn.replace(REGION, "eu-west-1")]
    for role in Role:
        policies = of(printed("--role", role), "iam")
        granted = {a.partition(":")[2] for p in policies for s in p["Statement"] for a in s["Action"]} - {
            "CreateSecret"
        }
        assert {action for action in every if allowed(policies, action, f"{arn}-AbCdEf", {})} == granted
        assert not any(allowed(policies, action, other, {}) for action in every for other in near)
        by_id = {"secretsmanager:VersionId": "b4f20acd"}
        assert allowed(policies, "GetSecretValue", f"{arn}-AbCdEf", by_id) is (role in (Role.OPERATOR, Role.SECURITY))
        undenied = [{"Statement": [s for s in p["Statement"] if s["Effect"] == "Allow"]} for p in policies]
        assert allowed(undenied, "GetSecretValue", f"{arn}-AbCdEf", by_id) is (role is not Role.AUDITOR)
        for name, region in ((world.aws.name, REGION), (world.aws.name, "eu-west-1"), ("other", REGION)):
            context = {"secretsmanager:Name": name, "aws:RequestedRegion": region}
            meant = role is Role.OPERATOR and (name, region) == (world.aws.name, REGION)
            assert allowed(policies, "CreateSecret", f"{arn}-AbCdEf", context) is meant
