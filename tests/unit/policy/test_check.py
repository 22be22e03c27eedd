"""The check before an operation asks for the rights that its requests take, and for no other: on real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import MakeWorld
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import (
    Rules,
    Somebody,
    Vault,
    anonymous,
    documents,
    of,
    printed,
    rules_in,
    write_config,
    written,
)

LACKING = re.compile(r"(create|read|update|patch) on (secret/[\w/-]+)")
UNKNOWN = re.compile(r"secretsmanager:\w+")
SHOWN = {
    "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds", "secretsmanager:GetSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
}  # fmt: skip
"""What AWS shows before anything is changed; the rest the plan tells of."""


@pytest.fixture
def somebody(
    make_hasty: MakeWorld, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Somebody]:
    """The operator; `billing` has its sinks, those of `shop` are empty, `both` has sibling keys in its documents."""
    shop, both, billing = make_hasty(), make_hasty(), make_hasty()
    billing.fill()
    both.fill()
    with Vault(billing.servers.bao, unique) as vault:
        found = Somebody(billing, vault, guard, monkeypatch)
        clients = {name: (world, (f"eu://secret/{world.vault.path}", f"use1://{world.aws.name}"))
                   for name, world in (("billing", billing), ("shop", shop), ("both", both))}  # fmt: skip
        write_config(tmp_path, clients, client='sibling_keys = true\nconsumer_refresh = "1s"\n')
        config = tmp_path / "bridge.toml"
        off = config.read_text("utf-8").replace("sibling_keys = true\n", "", 2)  # the last one's stay
        config.write_text(off, "utf-8")
        found.become("--role", "operator")
        yield found


class Checked:
    """Gives commands: first to somebody who may only read, then to somebody who may do what was missing as well."""

    def __init__(self, somebody: Somebody) -> None:
        self._somebody = somebody
        rules = rules_in(of(printed("--role", "operator"), "hcl"))
        self._reading: Rules = {path: ("read",) for path, several in rules.items() if "read" in several}
        self._names = documents(rules)

    def __call__(self, *args: str) -> set[tuple[str, str]]:
        """Give a command; return what it takes beside reading: exactly what was missing."""
        somebody = self._somebody
        somebody.vault.allow(written(self._reading))
        ended = somebody.run(*args, "--dry-run")
        assert ended.status == 1, (args, ended.told)
        lacking = set(LACKING.findall(ended.err))
        assert lacking, (args, ended.told)
        rules = dict(self._reading)
        for capability, path in lacking:
            rules[path] = (*rules.get(path, ()), capability)
        somebody.vault.allow(written(rules))
        planned = somebody.can(*args, "--dry-run")
        somebody.forget()
        somebody.can(*args)
        assert self.taken() == {(capability, anonymous(path, self._names)) for capability, path in lacking}, args
        assert set(UNKNOWN.findall(planned.told)) == somebody.acted - SHOWN, args
        return self.taken()

    def taken(self) -> set[tuple[str, str]]:
        return {each for each in self._somebody.used(self._names) if each[0] != "read"}


HELD = {
    ("update", "secret/data/DOCUMENT/pending"),
    ("patch", "secret/metadata/DOCUMENT/pending"),
    ("update", "secret/destroy/DOCUMENT/pending"),
}
TAGGED = ("patch", "secret/metadata/DOCUMENT")
WRITTEN = ("update", "secret/data/DOCUMENT")
DESTROYED = ("update", "secret/destroy/DOCUMENT")
MADE = {("create", "secret/data/DOCUMENT"), ("create", "secret/data/DOCUMENT/pending")}


def test_each_command_asks_for_what_it_will_use_and_for_nothing_else(somebody: Somebody) -> None:
    world, taken = somebody.world, Checked(somebody)
    assert taken("adopt", "billing", "--yes") == {*HELD, TAGGED, ("create", "secret/data/DOCUMENT/pending")}
    assert taken("rotate", "billing", "--no-wait") == {*HELD, TAGGED, WRITTEN}
    world.spread()
    assert taken("rotate", "billing", "--no-wait") == {*HELD, TAGGED, WRITTEN, DESTROYED}  # what was the fallback
    world.spread()
    assert taken("retire", "billing", "--soft") == {*HELD, TAGGED, ("update", "secret/delete/DOCUMENT")}
    assert taken("retire", "billing", "--undo") == {*HELD, TAGGED, ("update", "secret/undelete/DOCUMENT")}
    assert taken("rollback", "billing", "--no-wait") == {*HELD, TAGGED, WRITTEN}
    world.spread()
    assert taken("retire", "billing", "--yes") == {*HELD, TAGGED, DESTROYED}
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    assert taken("sync", "billing") == {*HELD, TAGGED, WRITTEN}
    assert taken("forget", "billing") == {*HELD, TAGGED}


def test_empty_places_and_companions_take_more(somebody: Somebody) -> None:
    taken = Checked(somebody)
    assert taken("rotate", "shop", "--no-wait", "--yes") == {*HELD, *MADE, TAGGED, WRITTEN}
    assert WRITTEN in taken("adopt", "both", "--yes")
    assert taken("rotate", "both", "--no-wait") == {*HELD, TAGGED, WRITTEN}
    somebody.world.spread()
    assert taken("retire", "both", "--yes") == {*HELD, TAGGED, WRITTEN, DESTROYED}
