"""What people do who follow a remedy that is text: each does what is printed, and takes every name from there.

A remedy that is a command, a setting or a policy is pasted as it stands (`Patient.paste`).
"""

from __future__ import annotations

import os
import posixpath
import re

from tests.e2e import misfortunes as m
from tests.e2e.misfortunes import Fill
from tests.support.strict_moto import controls
from tests.unit.doctor.patient import Finding, Patient


def told_variable(found: Finding) -> str:
    """Return the variable that a finding is about."""
    named = re.search(r"unset ([A-Z_]+)|check ([A-Z_]+)$", found["remedy"]) or re.search(r"\b([A-Z]+(?:_[A-Z]+)+)\b",
                                                                                   found["what"])  # fmt: skip
    assert named, found
    return next(name for name in named.groups() if name)


def unset(patient: Patient, found: Finding, _: Fill) -> None:
    """Unset the variable that is named, as a remedy advises."""
    assert "unset" in found["what"] + found["remedy"]
    patient.patch.delenv(told_variable(found))


def correct(patient: Patient, found: Finding, fill: Fill) -> None:
    """Correct the variable that is named."""
    assert re.search("correct it|check", found["remedy"])
    patient.patch.setenv(told_variable(found), fill["RIGHT"])


def write_again(patient: Patient, found: Finding, _: Fill) -> None:
    """Write a credential again without the end that it must not have."""
    assert re.search("without that|correct it", found["remedy"])
    where = re.search(r"where env:(\w+) is", found["remedy"])
    name = where.group(1) if where else told_variable(found)
    patient.patch.setenv(name, os.environ[name].strip())


def name_a_file(patient: Patient, found: Finding, _: Fill) -> None:
    """Name a file with the secret alone."""
    assert "name a file that holds the secret alone" in found["remedy"]
    file = patient.file.with_name("client-secret")
    file.write_text(patient.world.own.client_secret, "utf-8")
    patient.set("tenants.local", "client_secret", f"file:{file}")


def wait(_: Patient, found: Finding, __: Fill) -> None:
    """Wait for as long as a server asks. Here the hour is over at once."""
    assert re.search(r"after (that|3600 s)|wait 3600 s", found["remedy"])
    m.HOUR.clear()


def list_as_recorded(patient: Patient, found: Finding, _: Fill) -> None:
    """Correct the list of sinks to the one that is recorded."""
    assert "else correct sinks in bridge.toml" in found["remedy"]
    patient.set("clients.billing", "sinks", re.findall(r"\w+://\S+", found["what"]))


def take_out(patient: Patient, found: Finding, _: Fill) -> None:
    """Take the sink that is named out of the list."""
    named = re.search(r"take (\S+) out of the list", found["remedy"])
    assert named
    patient.set("clients.billing", "sinks", [uri for uri in m.listed(patient) if uri != named.group(1)])


def write_the_path(patient: Patient, found: Finding, _: Fill) -> None:
    """Write the path itself, without '.' and '..'."""
    assert "write the path itself" in found["what"]
    patient.set("clients.billing", "sinks", [
        f"{uri.partition('://')[0]}://{posixpath.normpath(uri.partition('://')[2])}" for uri in m.listed(patient)
    ])  # fmt: skip


def use_https(patient: Patient, found: Finding, fill: Fill) -> None:
    """Use https:// with the CA, in the file or in the variable that is named."""
    assert re.search(r"use https://, with ca_file", found["what"] + found["remedy"])
    table, key = ("vaults.eu", "url") if "Vault" in found["what"] else ("vaults.use1", "endpoint_url")
    patient.set(table, key, fill["URL"])
    patient.set(table, "ca_file", fill["RIGHT"])


def remove_tags(patient: Patient, found: Finding, fill: Fill) -> None:
    """Remove as many tags as are too many."""
    more = re.search(r"remove (\d+) of its own tags", found["remedy"])
    assert more
    patient.paste(found, {"TAG": " ".join(fill["TAG"].split()[: int(more.group(1))])})


def move(patient: Patient, found: Finding, _: Fill) -> None:
    """Switch AWS's own rotation off, and move the value to an ordinary secret."""
    aws = patient.world.aws
    assert "an ordinary secret of another name" in found["remedy"]
    patient.shell(found["remedy"].splitlines()[0])
    key = re.search(r"Auth0: (#\w+)", found["remedy"])
    assert key
    aws.client.create_secret(Name=f"{aws.name}-moved", SecretString=aws.text())
    controls.described = {}  # the new one is ordinary
    patient.set("clients.billing", "sinks", [f"use1://{aws.name}-moved{key.group(1)}"])
    patient.paste(patient.sees("sink-unmanaged", severity="note"))


def shell(patient: Patient, found: Finding, _: Fill) -> None:
    """Run the command that is the first advice."""
    patient.shell(found["remedy"].split(";")[0])
