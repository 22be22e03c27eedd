"""The command as people and programs see it: what it prints, how it ends, and that it changes and shows nothing."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bridge.config.load import load
from bridge.doctor.examine import Examination
from sinks.aws.api import Api
from sinks.clock import SystemClock
from sinks.rights import Role
from sinks.vault.api import Kv
from tests.canary.stage import leaks
from tests.unit.doctor.patient import Patient

DEAD = "http://127.0.0.1:9"  # nobody listens there


def test_nothing_is_changed_and_no_secret_is_shown_however_much_is_wrong(patient: Patient) -> None:
    world = patient.world
    world.vault.tag("managed-by", "terraform")
    world.tenant.update(
        world.client_id,
        {"jwt_configuration": {"alg": "HS256", "secret_encoded": True}, "grant_types": None},
        "dashboard",
    )
    before, own = world.dump(), world.tenant.client(world.own.client_id).document()
    told = [patient.run("doctor", "billing", "-v", *more).told for more in ((), ("--json",), ("--role", "security"))]
    assert world.dump() == before
    assert world.tenant.client(world.own.client_id).document() == own
    secrets = [world.live, world.own.client_secret, world.servers.bao.token]
    assert leaks("".join(told), secrets) == []
    assert "GetSecretValue" in told[0]


def test_values_are_not_read_where_metadata_tell_as_much(patient: Patient) -> None:
    read: list[str] = []
    get, staged = Api.get, Api.staged
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kv, "read", lambda *_: read.append("vault"))
        patch.setattr(Api, "get", lambda *a: read.append("aws") or get(*a))
        patch.setattr(Api, "staged", lambda api, stage: read.append(stage) or staged(api, stage))
        patient.well()
    assert read == ["BRIDGE-CHECK"]  # a label that no version has: nothing is read


def test_what_people_see_is_grouped_with_the_remedy_below(patient: Patient) -> None:
    patient.world.vault.kv.update_metadata(patient.world.vault.path, max_versions=2)
    ended = patient.run("doctor", "billing")
    assert ended.status == 5
    lines = ended.out.splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert [head.split()[0] for head in heads[:-1]] == ["Tenant", "Vault", "Client", "Sink", "Sink"]
    assert heads[-1].startswith("1 wrong, ")
    at = lines.index("  wrong    max_versions is 2 on the key   [vault-max-versions]")
    assert lines[at + 1].strip() == "why: current, fallback and one write of somebody else need 3"
    assert lines[at + 2].strip() == f"-> bao kv metadata put -max-versions=20 secret/{patient.world.vault.path}"
    assert any(line.startswith("  unknown  ") for line in lines)
    quiet = patient.run("doctor", "billing", "--quiet").out
    assert "  ok " not in quiet
    assert "[vault-max-versions]" in quiet


def test_it_ends_with_1_when_nothing_could_be_looked_at(patient: Patient) -> None:
    patient.set("tenants.local", "domain", DEAD)
    patient.set("vaults.eu", "url", DEAD)
    patient.set("vaults.use1", "endpoint_url", DEAD)
    found = patient.found(status=1)
    wrong = {one["id"] for one in found if one["severity"] == "wrong"}
    assert wrong == {"tenant-unreachable", "vault-unreachable", "aws-unreachable"}


def test_a_fault_of_the_configuration_ends_with_2(patient: Patient) -> None:
    patient.set("clients.billing", "tenant", "nobodys")
    ended = patient.run("doctor")
    assert ended.status == 2
    assert "clients.billing.tenant" in ended.err


def test_without_a_file_a_client_id_and_its_places_suffice(inpatient: Patient) -> None:
    world = inpatient.world
    assert inpatient.run("forget", "billing").status == 0
    inpatient.file.unlink()
    ended = inpatient.run("doctor", world.client_id, "--sink", world.vault.uri, "--json", "-q")
    assert [one["id"] for one in ended.objects] == ["sink-unmanaged"]
    assert ended.status == 0


def test_a_bug_in_one_check_hides_no_other_and_shows_only_its_place(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(patient.world.live)

    monkeypatch.setattr("sinks.vault.diagnose._state", broken)
    patient.world.aws.tag("managed-by", "somebody")
    ended = patient.run("doctor", "billing", "--json", "-q")
    told = {one["id"]: one for one in ended.objects}
    assert {"doctor-bug", "sink-other-manager"} <= set(told)
    assert "RuntimeError at test_command.py:" in told["doctor-bug"]["what"]
    assert leaks(ended.told, [patient.world.live]) == []
    assert "Traceback" not in ended.told


def test_an_answer_that_makes_no_sense_hides_no_other(patient: Patient) -> None:
    patient.world.tenant.fault("html", method="GET", path=patient.world.client_id, count=9)
    told = [one["id"] for one in patient.found()]
    assert "doctor-stopped" in told
    assert "aws-permissions-unknown" in told


def test_it_looks_at_each_tenant_and_vault_once(patient: Patient) -> None:
    other = patient.world.tenant.add_client()[0]
    with patient.file.open("a", encoding="utf-8") as file:
        file.write(f'\n[clients.orders]\ntenant = "local"\nclient_id = "{other}"\nsinks = ["eu://secret/{other}"]\n')
    settings = load(patient.file, os.environ)
    chosen = [(settings, client) for client in settings.clients.values()]
    reports = [*Examination(chosen, Role.OPERATOR, os.environ, SystemClock()).reports()]
    titles = [report.title.split(" (")[0] for report in reports]
    assert titles[:3] == ["Tenant local", "Vault eu", "Client billing"]
    assert titles[-2] == "Client orders"
    assert len(titles) == len(set(titles))
