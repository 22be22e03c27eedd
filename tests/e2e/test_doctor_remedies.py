"""What `doctor` finds before a rotation fails on it: found, mended by exactly what is printed, and the rotation runs.

Every kind of trouble that inputs and environments of real users made is in one of two tables. `FOUND` is what can be
known beforehand. `NOT_BEFOREHAND` is the rest, each with the reason, and with the test of what happens instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.planning.role_rights import SCOPES
from sinks.rights import Role
from tests.e2e import mending as mend
from tests.e2e import misfortunes as m
from tests.e2e.misfortunes import Breaks, Fill
from tests.e2e.world import MakeWorld
from tests.unit.doctor.conftest import empty_home, guard, make_live, servers
from tests.unit.doctor.patient import Finding, Patient
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Vault

__all__ = ["empty_home", "guard", "make_live", "servers"]

ROOT = Path(__file__).parents[2]
REFUSED = (1, 2, 4)
"""The exit statuses of a command that has changed nothing."""
USAGE = "usage"
"""In place of a finding's id: `doctor` itself refuses the configuration or a variable, with exit status 2."""
QUICK = timedelta(seconds=1)
Admit = Callable[[str], Patient]
Applies = Callable[[Patient, Finding, Fill], None]


@dataclass(frozen=True)
class Case:
    """One misfortune, the finding that it causes, and how the remedy is applied.

    `names` are regular expressions for what the finding has to name. A note only warns: the rotation is not refused.
    """

    topic: str
    breaks: Breaks
    kind: str
    names: tuple[str, ...]
    apply: Applies = Patient.paste
    severity: str = "wrong"
    ends: str = "vault"


def both(patient: Patient, sinks: list[str]) -> list[str]:
    """Name the secret by its ARN, too."""
    return [*sinks, f"use1://{patient.world.aws.describe()['ARN']}"]


PATHS, EGRESS, LIFETIME = "paths that are spelled otherwise", "proxies and authorities", "credentials that end"
BUSY, LAG, PATCH = "servers that ask to wait", "reads behind a standby", "PATCH that does not get through"
ARNS, CLEAR, BREAKS = "secrets with two names", "plain http", "line breaks in credentials"
TAGS, MANAGED, ENDLESS = "tags without room", "secrets that AWS manages", "answers and files without an end"
CONFIG, RECORD = "a configuration that others write", "an audit record that others write"
TEXTS, EMPTY, NAMES = "spelling beside the value", "a key that holds nothing", "names with control characters"
NETRC, LOGS, AFTER = "a netrc file", "logs of libraries in another program", "what an after command can read"
TWICE, SANDBOX, TOKENS = "a rotation that is given twice", "readers of the sandbox", "creations without a token"
TOPICS = frozenset({
    PATHS, EGRESS, LIFETIME, BUSY, TEXTS, LAG, PATCH, ARNS, CLEAR, BREAKS, EMPTY, TAGS, NAMES, MANAGED, ENDLESS, NETRC,
    LOGS, CONFIG, AFTER, RECORD, TWICE, SANDBOX, TOKENS,
})  # fmt: skip
FOUND = (
    Case(PATHS, m.sinks_of(lambda _, uris: [f"{uris[0]}?y", uris[1]]), "sink-other-sinks", ("eu://secret/apps/",),
         mend.list_as_recorded, ends="vault aws"),
    Case(PATHS, m.sinks_of(lambda _, uris: [uris[0].replace("/apps/", "/other/../apps/")]), USAGE,
         (r"clients\.billing\.sinks\[0\]",), mend.write_the_path),
    Case(EGRESS, m.on_the_way("auth0", "SSL_CERT_FILE", "/none"), "tenant-settings", ("SSL_CERT_FILE", "/none"),
         mend.correct),
    Case(EGRESS, m.on_the_way("auth0", "ALL_PROXY", "socks://127.0.0.1:9"), "tenant-settings", ("ALL_PROXY",),
         mend.unset),
    Case(EGRESS, m.on_the_way("vault", "ALL_PROXY", "socks://127.0.0.1:9"), "vault-settings", ("ALL_PROXY",),
         mend.unset),
    Case(EGRESS, m.on_the_way("vault", "REQUESTS_CA_BUNDLE", "/none"), "vault-settings", ("REQUESTS_CA_BUNDLE",),
         mend.correct),
    Case(EGRESS, m.on_the_way("aws", "AWS_CA_BUNDLE", "/none"), "aws-settings", ("AWS_CA_BUNDLE",), mend.correct,
         ends="aws"),
    Case(EGRESS, m.variable("VAULT_SKIP_VERIFY", "true"), USAGE, ("VAULT_SKIP_VERIFY",), mend.unset),
    Case(LIFETIME, m.token_ends_soon, "vault-token-expires", ("the token ends in",), severity="note"),
    Case(BUSY, m.asks_to_wait("auth0"), "tenant-unreachable", (r"127\.0\.0\.1:\d+", "3600 s"), mend.wait),
    Case(BUSY, m.asks_to_wait("vault"), "vault-unreachable", ("Vault server", "3600 s"), mend.wait),
    Case(BUSY, m.asks_to_wait("aws"), "aws-unreachable", ("AWS", "3600 s"), mend.wait, ends="aws"),
    Case(LAG, m.before("vault", m.standby), "vault-standby", (r"http://127\.0\.0\.1:\d+",), severity="note"),
    Case(PATCH, m.before("vault", m.no_patch), "vault-patch", (r"http://127\.0\.0\.1:\d+", r"Vault 1\.9")),
    Case(PATCH, m.before("vault", m.no_patch_for_anybody), "vault-patch", (r"http://127\.0\.0\.1:\d+",)),
    Case(ARNS, m.sinks_of(both), "aws-twice", ("use1://arn:aws", "use1://apps/"), mend.take_out, "note", "aws"),
    Case(CLEAR, m.in_clear_text("vault"), USAGE, (r"http://127\.evil\.example:8200",), mend.use_https),
    Case(CLEAR, m.in_clear_text("aws"), "aws-settings", ("AWS_ENDPOINT_URL", r"http://evil\.example"), mend.use_https,
         ends="aws"),
    Case(BREAKS, m.variable("VAULT_TOKEN", "{}\n"), "vault-settings", ("env:VAULT_TOKEN",), mend.write_again),
    Case(BREAKS, m.variable("AUTH0_CLIENT_SECRET", "{}\r\n"), "tenant-settings", ("env:AUTH0_CLIENT_SECRET",),
         mend.write_again),
    Case(BREAKS, m.variable("AWS_SECRET_ACCESS_KEY", "{}\n"), "aws-settings", ("AWS_SECRET_ACCESS_KEY",),
         mend.write_again, ends="aws"),
    Case(TAGS, m.crowded, "aws-tags", (r"\d+ tags of its own; AWS takes 50",), mend.remove_tags, ends="aws"),
    Case(MANAGED, m.rotated_by_aws, "aws-rotation", ("RotationEnabled",), ends="aws"),
    Case(MANAGED, m.external, "aws-external", ("Type Auth0OAuthClientSecret",), mend.move, ends="aws"),
    Case(ENDLESS, m.endless("auth0"), "tenant-unreachable", (r"127\.0\.0\.1:\d+", "16 MiB")),
    Case(ENDLESS, m.endless("vault"), "vault-unreachable", ("bytes, which no answer of Vault's has",)),
    Case(ENDLESS, m.endless_file, "tenant-settings", ("file:/dev/zero",), mend.name_a_file),
    Case(CONFIG, m.open_configuration, USAGE, (r"bridge\.toml",), mend.shell),
    Case(RECORD, m.record_at(m.linked), "audit-file", ("audit/record has more than one name",)),
    Case(RECORD, m.record_at(m.absent), "audit-file", (r"directory \S*audit cannot be used",)),
)  # fmt: skip
NOT_BEFOREHAND = {
    TEXTS: (
        "the bridge keeps every key of others as it stands, so nothing is wrong with them",
        "e2e/test_behind_a_gateway.py::test_what_the_user_wrote_beside_the_value_keeps_its_spelling",
    ),
    EMPTY: (
        "only the value tells, and doctor reads none: rotate and adopt are refused, and say what stands there",
        "e2e/test_unusable_values.py::test_it_is_said_which_and_nothing_is_changed",
    ),
    NAMES: (
        "they break nothing: whatever is printed is escaped",
        "unit/cli/test_foreign_text.py::test_every_line_for_people_is_one_line_of_printable_text",
    ),
    NETRC: (
        "its credentials are never sent, so it breaks nothing",
        "unit/sinks/vault/test_answers.py::test_no_credentials_of_a_netrc_are_sent",
    ),
    LOGS: (
        "they are set in the program that embeds the bridge, and doctor runs in another",
        "unit/sinks/aws/test_logging.py::test_lines_that_quote_contents_are_dropped_and_all_others_are_not",
    ),
    AFTER: (
        "the bridge starts every after command so that it can read no credential",
        "e2e/test_surroundings.py::test_the_after_command_reads_no_credential_in_its_parents_environment",
    ),
    TWICE: (
        "the second one meets what the first one did only when it runs",
        "e2e/test_rotated_lately.py::test_it_does_nothing_and_says_so",
    ),
    SANDBOX: (
        "it was a defect of the sandbox, and not of somebody's environment",
        "unit/sandbox/test_aws.py::test_the_aws_cli_reads_what_is_current_after_a_promotion_and_after_an_edit",
    ),
    TOKENS: (
        "only a creation shows it, and AWS has no dry run",
        "unit/sinks/aws/test_creating.py::test_a_secret_that_our_own_call_has_made_is_ours",
    ),
}
"""Why doctor cannot find it, and the test of what happens instead, below `tests/`."""


@pytest.fixture
def admit(
    make_live: MakeWorld, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Admit]:
    """Make a client of these ends that is not adopted yet."""
    monkeypatch.setattr("bridge.auth0.http.ATTEMPTS", 1)  # a server that is not there stays so

    opened = ExitStack()

    def made(ends: str) -> Patient:
        world = make_live(ends=ends)
        world.tenant.client(world.own.client_id).grants[world.tenant.audience] = SCOPES[Role.OPERATOR]
        world.tenant.settings.propagation = QUICK
        root = opened.enter_context(Vault(world.servers.bao, f"remedies-{unique}"))
        patient = Patient(world, root, guard, tmp_path, monkeypatch)
        world.fill()
        patient.write(m.sinks(patient))
        return patient

    with opened:
        yield made


def look(patient: Patient, case: Case) -> Finding:
    """Return the finding of a case. A configuration that doctor itself refuses is read from its error."""
    if case.kind != USAGE:
        told = [one for one in patient.found() if (one["id"], one["severity"]) == (case.kind, case.severity)]
        assert len(told) == 1, patient.found()
        return told[0]
    ended = patient.run("doctor", "billing", "--json")
    (error,) = ended.objects
    assert (ended.status, error["result"]) == (2, USAGE), ended.told
    return {"what": error["message"], "why": "", "remedy": error["hint"] or error["message"]}


def rotate(patient: Patient, *statuses: int) -> None:
    """Rotate, and check how that ends."""
    ended = patient.run("rotate", "billing", "--no-wait")
    assert ended.status in statuses, ended.told
    assert "Traceback" not in ended.told


@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case.topic}-{case.kind}")
def test_it_is_found_and_what_is_printed_mends_it(admit: Admit, case: Case) -> None:
    patient = admit(case.ends)
    with closing(case.breaks(patient)) as broken:
        fill = next(broken)
        world = patient.world
        before, seen = world.dump(), [place.see() for place in world.sinks]
        found = look(patient, case)
        for name in case.names:
            assert re.search(name, f"{found['what']} {found['remedy']}"), found
        assert world.dump() == before  # doctor changes nothing
        if case.severity == "wrong":
            rotate(patient, *REFUSED)
        # A rotation may be refused after its claim, which then was given back.
        assert (world.dump()["auth0"], [place.see() for place in world.sinks]) == (before["auth0"], seen)
        case.apply(patient, found, fill)
        patient.well()
        rotate(patient, 0)
        ended = patient.run("read", "billing")
        assert ended.out.strip() == world.live != world.s0, ended.told


def test_every_kind_of_trouble_is_in_one_of_the_tables() -> None:
    assert {case.topic for case in FOUND} | NOT_BEFOREHAND.keys() == TOPICS
    assert {case.topic for case in FOUND}.isdisjoint(NOT_BEFOREHAND)
    assert len(TOPICS) == 23


@pytest.mark.parametrize(("why", "test"), NOT_BEFOREHAND.values())
def test_what_cannot_be_found_beforehand_has_a_reason_and_a_test(why: str, test: str) -> None:
    assert why
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8")
