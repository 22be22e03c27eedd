"""What is wrong with sinks by the bridge's own tags and locks: whose they are, and what was left there."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tests.e2e.taps import Killed
from tests.unit.doctor.patient import Patient


def test_a_place_that_is_not_adopted_is_worth_a_note(inpatient: Patient) -> None:
    assert inpatient.run("forget", "billing").status == 0
    inpatient.paste(inpatient.sees("sink-unmanaged", severity="note"))
    inpatient.well()


def test_tags_that_somebody_replaced_are_found(inpatient: Patient) -> None:
    inpatient.world.vault.kv.update_metadata(inpatient.world.vault.path, custom_metadata={"owner": "team"})
    inpatient.paste(inpatient.sees("sink-wiped"))
    inpatient.well()


def test_the_place_of_another_client_is_found(inpatient: Patient) -> None:
    own, _ = inpatient.world.tenant.add_client()
    inpatient.set("clients.billing", "client_id", own)
    assert inpatient.world.client_id in inpatient.sees("sink-other-client")["what"]
    inpatient.set("clients.billing", "client_id", inpatient.world.client_id)
    inpatient.well()


def test_a_place_with_two_names_for_two_clients_is_found(inpatient: Patient) -> None:
    path, other = inpatient.world.vault.path, inpatient.world.tenant.add_client()[0]
    with inpatient.file.open("a", encoding="utf-8") as file:
        file.write(f'\n[vaults.again]\ntype = "vault"\nurl = "{inpatient.world.servers.bao.url}/"\n')
        file.write(f'\n[clients.orders]\ntenant = "local"\nclient_id = "{other}"\nsinks = ["again://secret/{path}"]\n')
    told = inpatient.run("doctor", "--json", "--quiet").objects
    shared = next(one for one in told if one["id"] == "sink-shared")
    assert shared["what"] == f"the same sink as eu://secret/{path} of billing"
    inpatient.paste(shared, {"again://MOUNT/PATH": f"again://secret/{path}-orders"})
    kinds = [one["id"] for one in inpatient.run("doctor", "--json", "--quiet").objects]
    assert kinds == ["sink-missing"]  # it is empty still


def test_a_list_of_places_that_was_changed_is_found(patient: Patient) -> None:
    patient.set("clients.billing", "sinks", [f"eu://secret/{patient.world.vault.path}"])
    patient.paste(patient.sees("sink-other-sinks"))
    patient.well()


def killed(*_: object, **__: object) -> None:
    raise Killed


def die_at(patient: Patient, where: str) -> None:
    """Have a rotation die at a call; it counts as live for 2 s."""
    patient.world.tenant.settings.propagation = timedelta(seconds=1)
    patient.set("tenants.local", "propagation", "1s")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, killed)
        with pytest.raises(Killed):
            patient.run("rotate", "billing", "--no-wait")


def test_an_operation_in_progress_is_a_note_and_an_interrupted_one_is_found(inpatient: Patient) -> None:
    die_at(inpatient, "bridge.auth0.management.Management.set_secret")
    inpatient.sees("sink-in-progress", severity="note")
    for _ in range(100):
        if inpatient.found()[0]["id"] != "sink-in-progress":
            break
        time.sleep(0.1)
    inpatient.paste(inpatient.sees("sink-interrupted"))
    inpatient.well()


def test_what_an_interrupted_release_left_is_found(inpatient: Patient) -> None:
    die_at(inpatient, "sinks.vault.api.Kv.destroy")
    inpatient.paste(inpatient.sees("sink-left-over"))
    inpatient.well()


def test_somebody_elses_text_in_the_way_is_found(patient: Patient) -> None:
    aws = patient.world.aws
    theirs = aws.client.put_secret_value(
        SecretId=aws.name, SecretString='{"order": "4711"}', VersionStages=["AWSPENDING"]
    )
    found = patient.sees("sink-foreign")
    assert theirs["VersionId"] in found["what"]
    patient.paste(found)
    patient.well()
    kept = aws.client.get_secret_value(SecretId=aws.name, VersionId=theirs["VersionId"])
    assert kept["SecretString"] == '{"order": "4711"}'
