"""The operator may read what the configuration refers to, where that stands in a vault; nobody else is given it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinks.rights import Role
from tests.e2e.sinks import REGION
from tests.e2e.world import World
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Somebody, Vault, of, printed, rules_in, smaller, write_config, written


@pytest.mark.parametrize(
    "reference", ["vault://secret/{}#own", "eu://secret/{}#own", f"aws://{REGION}/{{}}#own"], ids=["vault", "eu", "aws"]
)
def test_the_operator_may_read_the_credentials_that_the_configuration_refers_to_and_needs_each_line_for_it(
    world: World, reference: str, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.vault.fill(world.s0)
    sinks = {"billing": (world, (f"eu://secret/{world.vault.path}",))}
    name = f"own-{unique}"
    write_config(tmp_path, sinks, own=reference.format(name))
    with Vault(world.servers.bao, unique) as vault:
        somebody = Somebody(world, vault, guard, monkeypatch)
        told = somebody.become("--role", "operator")
        own = somebody.scopes(["read:clients", "update:client_keys"])
        vault.ask("POST", f"secret/data/{name}", {"data": {"own": own}})
        world.aws.client.create_secret(Name=name, SecretString=f'{{"own": "{own}"}}')
        somebody.can("adopt", "billing", "--yes")
        needed = 0
        for iam in of(told, "iam"):
            (statement,) = iam["Statement"]
            for action in statement["Action"]:
                left = [each for each in statement["Action"] if each != action]
                somebody.iam = [{"Statement": [{**statement, "Action": left}]}]
                assert f"AWS denied {action}" in somebody.run("verify", "billing").told
                needed += 1
        for path, _, rules in smaller(rules_in(of(told, "hcl"))):
            if name in path:
                vault.allow(written(rules))
                assert path in somebody.run("verify", "billing").told
                needed += 1
        assert needed == 3
        for role in Role:
            blocks = 3 if role is Role.OPERATOR else 2
            assert len(printed("--role", role)) == blocks  # nobody else is given them
