"""What is wrong with a document in Vault, its mount or a token's rights there: on a real OpenBao, with the remedy."""

from __future__ import annotations

import time

import pytest

from bridge.planning.role_rights import deeds
from sinks.rights import Role
from sinks.vault.rights import needed
from tests.unit.doctor.patient import Patient
from tests.unit.policy.rights import of, printed, rules_in, smaller, written


@pytest.fixture
def mounted(inpatient: Patient, unique: str) -> tuple[Patient, str]:
    """A client whose document is in a mount of its own, so that its settings can be changed."""
    mount = f"kv-{unique}"
    inpatient.root.ask("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "2"}})
    for _ in range(100):
        try:
            inpatient.root.ask("POST", f"{mount}/data/billing", {"data": {"client_secret": inpatient.world.s0}})
        except AssertionError:
            time.sleep(0.05)  # it is being made
        else:
            break
    inpatient.write([f"eu://{mount}/billing"])
    ended = inpatient.run("adopt", "billing", "--yes", "--keep-max-versions")
    assert ended.status == 0, ended.told
    inpatient.well()
    return inpatient, mount


@pytest.mark.parametrize(
    ("setting", "value", "kind"),
    [
        ("max_versions", 2, "vault-max-versions"),
        ("delete_version_after", "24h", "vault-delete-after"),
        ("metadata_cas_required", True, "vault-metadata-cas"),
    ],
)
def test_a_setting_of_the_key_that_endangers_a_rotation_is_found(
    mounted: tuple[Patient, str], setting: str, value: object, kind: str
) -> None:
    patient, mount = mounted
    patient.root.ask("POST", f"{mount}/metadata/billing", {setting: value})
    patient.paste(patient.sees(kind, subject=f"eu://{mount}/billing"))
    patient.well()


@pytest.mark.parametrize(
    ("setting", "value", "kind"),
    [
        ("max_versions", 1, "vault-mount-max-versions"),
        ("delete_version_after", "24h", "vault-mount-delete-after"),
        ("metadata_cas_required", True, "vault-mount-metadata-cas"),
    ],
)
def test_a_setting_of_the_mount_that_endangers_a_rotation_is_found(
    mounted: tuple[Patient, str], setting: str, value: object, kind: str
) -> None:
    patient, mount = mounted
    patient.root.ask("POST", f"{mount}/config", {setting: value})
    patient.paste(patient.sees(kind, subject=f"eu://{mount}/billing"))
    patient.well()


def test_cas_required_for_documents_is_fine_on_key_and_mount(mounted: tuple[Patient, str]) -> None:
    patient, mount = mounted
    patient.root.ask("POST", f"{mount}/config", {"cas_required": True})
    patient.root.ask("POST", f"{mount}/metadata/billing", {"cas_required": True})
    patient.well()
    assert "cas_required is set: the bridge always sends it" in patient.run("doctor", "billing").out
    assert patient.run("rotate", "billing", "--no-wait").status == 0


def test_a_mount_that_is_not_there_is_found(inpatient: Patient, unique: str) -> None:
    inpatient.write([f"eu://nosuch-{unique}/billing"])
    inpatient.paste(inpatient.sees("vault-mount-missing"))
    found = inpatient.sees("sink-missing", severity="note")
    inpatient.root.ask("POST", f"nosuch-{unique}/data/billing", {"data": {"client_secret": inpatient.world.s0}})
    inpatient.paste(found)
    inpatient.well()


def test_a_mount_without_versions_is_found(inpatient: Patient, unique: str) -> None:
    inpatient.root.ask("POST", f"sys/mounts/v1-{unique}", {"type": "kv", "options": {"version": "1"}})
    inpatient.root.ask("POST", f"v1-{unique}/billing", {"client_secret": inpatient.world.s0})
    inpatient.write([f"eu://v1-{unique}/billing"])
    inpatient.paste(inpatient.sees("vault-kv-version"))
    for _ in range(100):
        if "vault-kv-version" not in (kinds := [one["id"] for one in inpatient.found()]):
            break
    assert kinds == ["sink-unmanaged"]


def test_a_mount_of_another_kind_is_found(inpatient: Patient, unique: str) -> None:
    inpatient.root.ask("POST", f"sys/mounts/t-{unique}", {"type": "transit"})
    inpatient.write([f"eu://t-{unique}/billing"])
    found = inpatient.sees("vault-not-kv")
    inpatient.write([f"eu://secret/{inpatient.world.vault.path}"])
    inpatient.paste(found)  # lists the mounts, so that the address can be corrected
    inpatient.well()


@pytest.mark.parametrize(
    ("endpoint", "end"),
    [
        (each, end)
        for end, rights in zip(("", "/pending"), needed(deeds(Role.OPERATOR, sibling_keys=None)), strict=True)
        for each in rights
    ],
)
def test_each_capability_that_is_missing_is_found_and_the_pasted_line_grants_it(
    inpatient: Patient, endpoint: str, end: str
) -> None:
    path = f"secret/{endpoint}/{inpatient.world.vault.path}{end}"
    rules = rules_in(of(printed("billing", "--role", "operator"), "hcl"))
    inpatient.limited(written(rules))
    inpatient.well()
    assert path in rules
    for gone, capability, left in smaller(rules):
        if gone == path:
            inpatient.rules = written({other: each for other, each in left.items() if other != path})
            inpatient.root.allow(written(left))
            found = inpatient.sees("vault-capability")
            assert f"{capability} on {path}" in found["what"]
            inpatient.paste(found)
            inpatient.well()


def test_what_the_operator_is_granted_suffices_and_each_line_less_is_told(inpatient: Patient) -> None:
    rules = rules_in(of(printed("billing", "--role", "operator"), "hcl"))
    inpatient.limited("")
    found = inpatient.found()
    (capability,) = [one for one in found if one["id"] == "vault-capability"]
    needed = {path: each for path, each in rules.items() if path != "secret/config"}
    assert rules_in([capability["remedy"]]) == needed


@pytest.mark.parametrize("role", ["auditor", "security", "application"])
def test_the_other_roles_are_looked_at_with_the_rights_that_they_are_given(inpatient: Patient, role: str) -> None:
    rules = rules_in(of(printed("billing", "--role", role), "hcl"))
    inpatient.limited(written(rules))
    inpatient.well("--role", role)
    if role == "security":
        return  # in Vault it has the operator's lines
    found = [one["id"] for one in inpatient.found()]
    assert "vault-capability" in found


def test_settings_of_the_mount_that_cannot_be_read_are_unknown_until_the_line_is_pasted(inpatient: Patient) -> None:
    rules = rules_in(of(printed("billing", "--role", "operator"), "hcl"))
    inpatient.limited(written({path: each for path, each in rules.items() if path != "secret/config"}))
    inpatient.paste(inpatient.sees("vault-limits-unknown", severity="unknown"))
    assert inpatient.found() == []


def test_another_manager_of_the_document_is_found(inpatient: Patient) -> None:
    inpatient.world.vault.tag("managed-by", "external-secrets")
    found = inpatient.sees("sink-other-manager")
    assert "External Secrets" in found["what"]
    inpatient.paste(found)
    inpatient.paste(inpatient.sees("sink-wiped"))  # the bridge's own claim went with it
    inpatient.well()


@pytest.mark.parametrize("claim", [("terraform", "true"), ("ManagedBy", "Terraform"), ("provisioner", "pulumi")])
def test_a_tag_that_names_a_tool_is_worth_a_note(inpatient: Patient, claim: tuple[str, str]) -> None:
    inpatient.world.vault.tag(*claim)
    inpatient.paste(inpatient.sees("sink-beside-manager", severity="note"))
    inpatient.well()
