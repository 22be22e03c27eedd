"""The guards of docs/internals/protocol.md, each removed on purpose, with the scenario that has to notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bridge.operations.retire
import bridge.operations.sync
from tests.resilience.model import removed, removed_seals, removed_sinks
from tests.resilience.model.foreign import BETWEEN, DROPPED, HALFWAY, LATE, OVERWRITTEN, PASTED, SWIFT, TAKEN
from tests.resilience.model.removed import Patch
from tests.resilience.model.scenarios import BOTH, finishing, pasted_over, scenario
from tests.resilience.model.states import Scenario

OVERTAKEN = ("rotate", "resume --takeover, rotate")
PENDING = "value-q1"
"""What is pending where a rotation has died, by the names of the model."""


@dataclass(frozen=True)
class Mutant:
    """A guard, how it is removed, and where that shows."""

    name: str
    remove: Callable[[Patch], None]
    shows: Scenario


def _overtaken(place: str, **more: Any) -> Scenario:
    bounds = {"crash": False, "converge": False, "preemptions": 1, "stalls": 1, "any_time": False, **more}
    return scenario("managed", place, *OVERTAKEN, **bounds)


_two_aws = scenario("managed", "aws", "rotate", "rotate", crash=False, converge=False)
_two_vault = scenario("managed", "vault", "rotate", "rotate", crash=False, converge=False)
_sibling = {place: scenario("managed", place, "rotate", foreign=("sibling",)) for place in ("vault", "aws")}

ORDER = (
    Mutant("no lease (Vault)", removed.no_lease, _overtaken("vault")),
    Mutant("no lease (AWS)", removed.no_lease, _overtaken("aws")),
    Mutant("no fence (Vault)", removed.no_fence, _two_vault),
    Mutant("no fence (AWS)", removed.no_fence, _two_aws),
    Mutant("no fence before a retirement", removed.no_fence_before(bridge.operations.retire, "plan_retirement"),
           scenario("managed", "vault", "rotate", "retire at any age", crash=False)),
    Mutant("no fence before a sync", removed.no_fence_before(bridge.operations.sync, "plan_sync"),
           scenario("rotated", "vault", "retire", "sync", foreign=(OVERWRITTEN, BETWEEN), preemptions=2, crash=False,
                    converge=False)),
    Mutant("a retirement proves nothing under the lock (Vault)", removed.nothing_proven,
           scenario("rotated", "vault", "adopt --repair, retire", foreign=(LATE,), crash=False)),
    Mutant("a retirement proves nothing under the lock (AWS)", removed.nothing_proven,
           scenario("rotated", "aws", "adopt --repair, retire", foreign=(LATE,), crash=False)),
    Mutant("a retirement proves the values of the first place only", removed.proven_at(0),
           scenario("rotated", BOTH, "adopt --repair, retire", foreign=(PASTED,), crash=False)),
    Mutant("a retirement proves the values of the last sink only", removed.proven_at(-1),
           scenario("rotated", BOTH, "adopt --repair, retire", foreign=(PASTED,), crash=False)),
    Mutant("a sync does not ask Auth0 again after it has published", removed.confirmed_once,
           scenario("changed", BOTH, "sync", foreign=(HALFWAY,), crash=False)),
    Mutant("sync keeps what was current before, ended or not", removed.any_base,
           scenario("retired", "aws", "sync", foreign=("value",))),
    Mutant("one refused probe is believed, ending a leaked value", removed.one_refusal,
           scenario("managed", "vault", "rotate --compromised")),
    Mutant("one refused probe is believed, and age is none, retiring", removed.no_age,
           scenario("managed", "vault", "rotate", "retire")),
    Mutant("a command may name other sinks", removed.other_list,
           scenario("managed", "aws+vault", "rotate", "rotate")),
    Mutant("Auth0 is changed before all sinks are claimed", removed.set_before_all_claims,
           scenario("managed", "aws+vault", "rotate")),
    Mutant("sibling keys: nothing is announced (Vault)", removed.nothing_announced,
           scenario("managed", "vault*", "rotate")),
    Mutant("sibling keys: nothing is announced (AWS)", removed.nothing_announced,
           scenario("managed", "aws*", "rotate")),
)  # fmt: skip
SEALS = (
    Mutant("whatever has the form of a seal holds (Vault)", removed_seals.any_seal,
           scenario("older", "vault", "rollback", foreign=("metadata",))),
    Mutant("whatever has the form of a seal holds (AWS)", removed_seals.any_seal,
           scenario("gone back", "aws", "rollback", foreign=("labels",))),
    Mutant("a seal in AWS outlives the operations after it", removed_seals.no_sequence,
           scenario("gone back", "aws", "rollback", foreign=("labels",))),
)  # fmt: skip
SETTLING = (
    Mutant("settling does not wait for late calls (Vault)", removed.settles_at_once,
           scenario("managed", "vault", "rotate", "resume --takeover", preemptions=2)),
    Mutant("settling does not wait for late calls (AWS)", removed.settles_at_once,
           scenario("managed", "aws", "rotate", "resume --takeover", preemptions=2)),
    Mutant("settling believes the first answer", removed.asked_once,
           finishing("rotate", 2, "vault", "resume", foreign=(SWIFT,), crash=False)),
    Mutant("settling gives the sinks back though the pending value is accepted",
           removed.given_back_though_pending_is_accepted, finishing("rotate", 3, "vault", "resume", crash=False)),
    Mutant("settling publishes what is pending, whatever Auth0 accepts", removed.a_lock_is_an_order,
           finishing("rotate", 2, "vault", "resume", crash=False)),
    Mutant("a release destroys a pending value that was dropped", removed_sinks.dropped_value_destroyed,
           finishing("rotate", 2, "vault", "resume", foreign=(f"{DROPPED}{PENDING}",), crash=False)),
    Mutant("who loses the lock after Auth0 was told does not finish (Vault)", removed.not_finished_when_lost,
           scenario("managed", "vault", "rotate", foreign=(OVERWRITTEN,), crash=False)),
    Mutant("who loses the lock after Auth0 was told does not finish (AWS)", removed.not_finished_when_lost,
           scenario("managed", "aws", "rotate", foreign=(OVERWRITTEN,), crash=False)),
    Mutant("an older fallback ends though no value was current before", removed.ended_without_base,
           pasted_over("retire", 7, BOTH, "resume", crash=False)),
    Mutant("sibling keys: what is given up stays announced (Vault)", removed_sinks.announced_for_ever,
           finishing("rotate", 4, "vault*", "resume --takeover")),
    Mutant("sibling keys: what is given up stays announced (AWS)", removed_sinks.announced_for_ever,
           finishing("rotate", 5, "aws*", "resume --takeover")),
)  # fmt: skip
VAULT = (
    Mutant("the lock key is deleted at release", removed_sinks.delete_lock,
           scenario("rotated", "vault", "rotate")),
    Mutant("no look (Vault)", removed_sinks.no_look_vault, _overtaken("vault")),
    Mutant("no compare-and-set on the lock", removed_sinks.no_cas_on("lock"), _two_vault),
    Mutant("no compare-and-set on the document", removed_sinks.no_cas_on("main"), _sibling["vault"]),
    Mutant("the fence counts from an idle record only", removed_sinks.fence_from_idle_records,
           scenario("managed", "vault", "rotate", "rotate", foreign=(OVERWRITTEN,), crash=False)),
    Mutant("tags after the write", removed_sinks.tag_after_write, scenario("managed", "vault", "rotate")),
    Mutant("promoted is judged by version number", removed_sinks.by_number, _sibling["vault"]),
    Mutant("a soft retirement deletes before it says what", removed_sinks.deleted_before_named,
           scenario("rotated", "vault", "retire --soft")),
    Mutant("retire without the lock", removed_sinks.unlocked("retire"),
           scenario("rotated", "vault", "retire", "rollback")),
    Mutant("sync without the lock", removed_sinks.unlocked("sync"),
           scenario("changed", "vault", "sync", "sync", "rotate", crash=False, preemptions=2)),
    Mutant("sibling keys: what ends stands in the new fallback's version", removed_sinks.fallback_with_what_ends,
           scenario("rotated", "vault*", "rotate")),
)  # fmt: skip
AWS = (
    Mutant("no look (AWS)", removed_sinks.no_look_aws, _overtaken("aws")),
    Mutant("AWS: ids from another call than the labels", removed_sinks.ids_from_another_call, _two_aws),
    Mutant("AWS: the label does not tell holders apart", removed_sinks.same_label,
           scenario("managed", "aws", "rotate", "resume --takeover", crash=False, preemptions=1, stalls=1,
                    any_time=False)),
    Mutant("AWS: AWSPENDING is put on a new pending version by force", removed_sinks.pending_by_force,
           scenario("managed", "aws", "rotate", foreign=("sibling", TAKEN), crash=False)),
    Mutant("AWS: labels are moved by force", removed_sinks.label_by_force, _sibling["aws"]),
    Mutant("AWS: the fallback has no label of its own", removed_sinks.no_pin, scenario("managed", "aws", "rotate")),
    Mutant("AWS: other keys are not compared", removed_sinks.incomplete_document, _sibling["aws"]),
)  # fmt: skip
MUTANTS = (*ORDER, *SEALS, *SETTLING, *VAULT, *AWS)
