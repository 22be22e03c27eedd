from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import stamina

from bridge.planning.role_rights import SCOPES
from sinks.rights import Role
from tests.e2e.conftest import make_live, servers
from tests.e2e.world import MakeWorld, World
from tests.unit.doctor.patient import Patient
from tests.unit.policy.conftest import empty_home, guard
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Vault

__all__ = ["empty_home", "guard", "make_live", "servers"]


@pytest.fixture
def world(make_live: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> World:
    # A server that is not there stays so.
    monkeypatch.setattr("bridge.auth0.http.ATTEMPTS", 1)
    stamina.set_testing(testing=True, attempts=1)  # for AWS; the worlds' end resets it
    found = make_live()
    found.tenant.client(found.own.client_id).grants[found.tenant.audience] = SCOPES[Role.OPERATOR]
    found.tenant.settings.propagation = timedelta(seconds=6)  # servers are given a fraction of it to answer
    return found


@pytest.fixture
def root(world: World, unique: str) -> Iterator[Vault]:
    """Root in the real OpenBao."""
    with Vault(world.servers.bao, f"doctor-{unique}") as vault:
        yield vault


@pytest.fixture
def patient(world: World, root: Vault, guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A client that is adopted in both of its sinks, and nothing is wrong with it."""
    found = Patient(world, root, guard, tmp_path, monkeypatch)
    world.fill()  # a while ago, so that nobody waits for calls that may still be on their way
    found.write([f"eu://secret/{world.vault.path}", f"use1://{world.aws.name}"])
    found.healthy()
    return found


@pytest.fixture
def inpatient(world: World, root: Vault, guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """The same with a document alone, in Vault."""
    found = Patient(world, root, guard, tmp_path, monkeypatch)
    world.vault.fill(world.s0)
    found.write([f"eu://secret/{world.vault.path}"])
    found.healthy()
    return found
