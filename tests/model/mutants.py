"""The guards of docs/protocol.md, each removed on purpose, with the scenario in which the search has to notice."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bridge.resumption
import pytest

import bridge.begin
import bridge.guards
import bridge.plan
import bridge.prove
import bridge.retire
import bridge.rotate
import bridge.rotation
import bridge.sync
import sinks.aws.claim
import sinks.aws.publisher
from bridge.outcome import Settled
from bridge.plan import LATE as LATE_CALLS
from bridge.rotation import Execution
from bridge.steps import Confirm, Wait
from sinks.aws.claim import Claims
from sinks.aws.grip import grip_of
from sinks.aws.listing import Listing
from sinks.aws.publisher import Publisher as AwsPublisher
from sinks.document import Document
from sinks.port import Conflict, Held, Promoted
from sinks.vault.lock import LockKey
from sinks.vault.place import CURRENT
from sinks.vault.publisher import Publisher as VaultPublisher
from sinks.vault.retiring import Retiring as VaultRetiring
from tests.model import operations, servers, vault_model
from tests.model.auth0_model import serve_auth0
from tests.model.foreign import BETWEEN, HALFWAY, LATE, PASTED
from tests.model.scenarios import BOTH, finishing, scenario
from tests.model.states import Scenario
from tests.model.world import OK, VALUE_KEY, Key, Request

Patch = pytest.MonkeyPatch
OVERTAKEN = ("rotate", "resume --takeover, rotate")


@dataclass(frozen=True)
class Mutant:
    """A guard, how it is removed, and where that shows."""

    name: str
    remove: Callable[[Patch], None]
    shows: Scenario


def _delete_lock(patch: Patch) -> None:
    def release(self: Any, held: Held, outcome: str, **more: Any) -> None:
        self.look(held)
        self._kv._call("delete", self.path)

    patch.setattr(LockKey, "release", release)
    patch.setitem(vault_model._CHANGES, "delete", lambda key, clock: (None, (OK,)))


def _any_base(patch: Patch) -> None:
    def base(job: Any, seen: Any, live: Any) -> str:
        salt = job.settings.client_id
        recent = [fingerprint for p in seen.places if p.record for fingerprint in p.record.recent]
        return next((fingerprint for fingerprint in recent if fingerprint != live.fingerprint(salt)), "")

    patch.setattr(bridge.sync, "_base", base)


def _no_look_vault(patch: Patch) -> None:
    patch.setattr(LockKey, "look", lambda self, held: replace(held, looked=self._clock.monotonic()))


def _no_look_aws(patch: Patch) -> None:
    def look(self: Any, held: Held) -> Held:
        looked, listing = self._clock.monotonic(), self._access.listing()
        return replace(held, looked=looked, token=replace(grip_of(held), listing=listing))

    patch.setattr(Claims, "look", look)


def _no_lease(patch: Patch) -> None:
    patch.setattr(LockKey, "deadline", lambda self, held: math.inf)
    patch.setattr(Claims, "deadline", lambda self, held: math.inf)
    real = serve_auth0
    patch.setattr(
        servers, "serve_auth0", lambda state, request, clock: real(state, request._replace(before=None), clock)
    )


def _no_fence(patch: Patch) -> None:
    for module in (bridge.plan, bridge.resumption):
        patch.setattr(module, "fence", lambda places, wish: ())


def _no_fence_before(module: Any, name: str) -> Callable[[Patch], None]:
    def remove(patch: Patch) -> None:
        real = getattr(module, name)

        def plan(*args: Any, **more: Any) -> Any:
            made = real(*args, **more)
            steps = (step for step in made.steps if not (isinstance(step, Wait) and step.why == LATE_CALLS))
            return replace(made, steps=tuple(steps))

        patch.setattr(module, name, plan)

    return remove


def _nothing_proven(patch: Patch) -> None:
    patch.setattr(bridge.rotation, "prove", lambda job, client, uris: None)


def _proven_at(which: int) -> Callable[[Patch], None]:
    """Auth0 is asked about the values of one place, and the others are taken to hold the same."""

    def remove(patch: Patch) -> None:
        real = bridge.rotation.prove
        patch.setattr(bridge.rotation, "prove", lambda job, client, uris: real(job, client, (tuple(uris)[which],)))

    return remove


def _confirmed_once(patch: Patch) -> None:
    """A sync asks Auth0 under the lock before it publishes, and not after that."""
    real = bridge.plan.publish_found

    def publish_found(*args: Any) -> Any:
        steps = list(real(*args))
        del steps[max(n for n, step in enumerate(steps) if isinstance(step, Confirm))]
        return tuple(steps)

    for module in (bridge.plan, bridge.resumption):
        patch.setattr(module, "publish_found", publish_found)


def _no_cas_on(which: str) -> Callable[[Patch], None]:
    def remove(patch: Patch) -> None:
        real = vault_model._write

        def write(key: Key | None, clock: float, document: str, cas: int) -> Any:
            is_lock = '"secret-bridge"' in document
            return real(key, clock, document, (key.current if key else 0) if is_lock == (which == "lock") else cas)

        patch.setitem(vault_model._CHANGES, "write", write)

    return remove


def _tag_after_write(patch: Patch) -> None:
    def write_current(self: Any, held: Held, entry: Any, value: Any, record: Any, *, keep: bool) -> Promoted:
        document, deadline = entry.document, self._lock.deadline(held)
        self._kv.write(self._path, document.with_value(self._key, value), cas=entry.version, before=deadline)
        raise Conflict("read again: then only the tags are missing")

    patch.setattr(VaultPublisher, "_write_current", write_current)


def _by_number(patch: Patch) -> None:
    real = VaultPublisher._converge

    def converge(self: Any, held: Held, value: Any, record: Any, **more: Any) -> Promoted:
        entry = self._kv.read(self._path)
        if entry and entry.version > int(entry.tags.get(CURRENT, entry.version)):
            done: Promoted = self._already(held, entry, record, keep=more["keep"])
        else:
            done = real(self, held, value, record, **more)
        return done

    patch.setattr(VaultPublisher, "_converge", converge)


def _one_refusal(patch: Patch) -> None:
    def settle(job: Any, client: Any, new: Any, old: Any, *, ending: Any = (), **more: Any) -> Settled:
        refused = [job.auth0.probe(client, value).value == "refused" for value in ending]
        return Settled(all(refused))

    patch.setattr(bridge.prove, "settle", settle)


def _unlocked(operation: str) -> Callable[[Patch], None]:
    def remove(patch: Patch) -> None:
        take, look, store, release, name = (
            getattr(LockKey, method) for method in ("take", "look", "store", "release", "name")
        )

        def pretended(real: Any) -> Any:
            def method(self: Any, held: Held, *args: Any, **more: Any) -> Any:
                free = held.lock.operation == operation
                return replace(held, looked=self._clock.monotonic()) if free else real(self, held, *args, **more)

            return method

        def taken(self: Any, lock: Any, value: Any, cas: int, **more: Any) -> Held:
            if lock.operation != operation:
                held: Held = take(self, lock, value, cas, **more)
                return held
            return Held(self._uri, lock, cas, self._clock.monotonic(), value)

        patch.setattr(LockKey, "take", taken)
        for method, real in (("look", look), ("store", store), ("release", release), ("name", name)):
            patch.setattr(LockKey, method, pretended(real))

    return remove


def _typed_order(patch: Patch) -> None:
    real = operations.job

    def job(run: Any, kinds: Any) -> Any:
        made = real(run, kinds)
        if run.program.slot == "b":
            made.sinks = dict(reversed(made.sinks.items()))
        return made

    patch.setattr(operations, "job", job)


def _set_before_all_claims(patch: Patch) -> None:
    real = bridge.plan.plan_change

    def plan_change(*args: Any) -> Any:
        plan = real(*args)
        steps = list(plan.steps)
        late = next(n for n, step in enumerate(steps) if str(step).startswith("set the pending"))
        steps.insert(1, steps.pop(late))
        return replace(plan, steps=tuple(steps))

    patch.setattr(bridge.rotate, "plan_change", plan_change)


def _ids_from_another_call(patch: Patch) -> None:
    from tests.model.program import _now

    patch.setattr(Listing, "next_id", lambda self, arn: f"{len(self.versions)}-{_now.run.token()}")


def _same_label(patch: Patch) -> None:
    """Who was overtaken finds what seems to be its own label."""
    patch.setattr(sinks.aws.claim, "own_label", lambda chain, holder: f"BRIDGE:{chain}:same")
    patch.setattr(Listing, "is_held_by", lambda self, lock, version=None: bool(self.label and lock.id in self.label))


def _no_pin(patch: Patch) -> None:
    patch.setattr(AwsPublisher, "_pin", lambda self, held, listing, value, *, keep: listing.fallback)


def _label_by_force(patch: Patch) -> None:
    from tests.model import aws_model

    real = aws_model._label

    def label(place: Any, clock: float, stage: str, remove: Any, to: Any) -> Any:
        present = aws_model.holder(place, stage)
        return real(place, clock, stage, present.id if present else None, to)

    patch.setitem(aws_model._CHANGES, "label", label)


def _incomplete_document(patch: Patch) -> None:
    def laid_out(document: Any, key: Any, kept: Any, value: Any, **more: Any) -> Any:
        return SameValue(document.with_value(key, value))

    class SameValue(Document):
        """A document that is taken for equal to whichever has the same value."""

        __hash__ = None  # type: ignore[assignment]

        def __init__(self, document: Document) -> None:
            super().__init__(document.reveal())

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Document) and other.get(VALUE_KEY) == self.get(VALUE_KEY)

    patch.setattr(sinks.aws.publisher, "laid_out", laid_out)


def _nothing_announced(patch: Patch) -> None:
    for module in (bridge.plan, bridge.resumption):
        patch.setattr(module, "announce", lambda places, wish, refresh: ())


def _announced_by_nobody_who_finishes(patch: Patch) -> None:
    patch.setattr(bridge.resumption, "announce", lambda places, wish, refresh: ())


def _announced_for_ever(patch: Patch) -> None:
    """What is given up stays in the documents."""
    for publisher in (VaultPublisher, AwsPublisher):
        real = publisher.lay_out

        def lay_out(self: Any, held: Any, coming: Any = None, *, real: Any = real, **more: Any) -> Any:
            return real(self, held, coming, **more) if coming else None

        patch.setattr(publisher, "lay_out", lay_out)


def _fallback_with_what_ends(patch: Patch) -> None:
    """The version that becomes the fallback still holds the value that ends, and goes with it."""
    patch.setattr(VaultPublisher, "_former", lambda self, held, entry, coming: _former(self, held, entry))
    patch.setattr(
        VaultRetiring, "_goes", lambda self, held, document, target, kept: target in self._fingerprints(held, document)
    )


def _deleted_before_named(patch: Patch) -> None:
    """A soft retirement deletes the versions, and then says which."""
    real = VaultRetiring._set_aside

    def set_aside(self: Any, held: Held, target: str, found: Any, *args: Any) -> Any:
        self._kv.delete(self._path, found)
        return real(self, held, target, found, *args)

    patch.setattr(VaultRetiring, "_set_aside", set_aside)


def _former(publisher: Any, held: Any, entry: Any) -> Any:
    number = int(entry.tags.get("bridge_fallback", "0"))
    return publisher._value_in(entry, number) if 0 < number < entry.version else None


def _takeover_makes_a_value(patch: Patch) -> None:
    real = bridge.begin._facts

    def facts(job: Any, seen: Any, lock: Any) -> Any:
        found = real(job, seen, lock)
        from tests.model.program import _now

        return replace(found, value=_now.run.value()) if found.value else found

    patch.setattr(bridge.begin, "_facts", facts)


def _other_list(patch: Patch) -> None:
    real_ownership, real_job = bridge.guards.ownership, operations.job

    def job(run: Any, kinds: Any) -> Any:
        made = real_job(run, kinds)
        if run.program.slot == "b":
            made.sinks = dict(list(made.sinks.items())[1:])
        return made

    def ownership(*args: Any, **more: Any) -> Any:
        return tuple(o for o in real_ownership(*args, **more) if "belongs to the list" not in o.message)

    patch.setattr(operations, "job", job)
    patch.setattr(bridge.rotate, "ownership", ownership)


def _no_age(patch: Patch) -> None:
    """Retire as soon as one refusal was seen, however young the fallback is."""
    import bridge.gate

    patch.setattr(operations, "MIN_AGE", operations.MIN_AGE * 0)
    patch.setattr(bridge.gate, "PROBES", 1)
    patch.setattr(bridge.plan, "fence", lambda places, wish: ())


def _overtaken(place: str, **more: Any) -> Scenario:
    bounds = {"crash": False, "converge": False, "preemptions": 1, "stalls": 1, "any_time": False, **more}
    return scenario("managed", place, *OVERTAKEN, **bounds)


_two_aws = scenario("managed", "aws", "rotate", "rotate", crash=False, converge=False)
_two_vault = scenario("managed", "vault", "rotate", "rotate", crash=False, converge=False)

MUTANTS = (
    Mutant("the lock key is deleted at release", _delete_lock, _overtaken("vault")),
    Mutant("no look (Vault)", _no_look_vault, _overtaken("vault")),
    Mutant("no look (AWS)", _no_look_aws, _overtaken("aws")),
    Mutant("no lease (Vault)", _no_lease, _overtaken("vault")),
    Mutant("no lease (AWS)", _no_lease, _overtaken("aws")),
    Mutant("no fence (Vault)", _no_fence, _two_vault),
    Mutant("no fence (AWS)", _no_fence, _two_aws),
    Mutant("no fence before a retirement", _no_fence_before(bridge.retire, "plan_retirement"),
           scenario("managed", "vault", "rotate", "retire at any age", crash=False)),
    Mutant("no fence before a sync", _no_fence_before(bridge.sync, "plan_sync"),
           scenario("rotated", "vault", "retire", "resume --takeover, sync", foreign=(BETWEEN,), stalls=1,
                    preemptions=1, crash=False, converge=False, any_time=False)),
    Mutant("a retirement proves nothing under the lock (Vault)", _nothing_proven,
           scenario("rotated", "vault", "adopt --repair, retire", foreign=(LATE,), crash=False)),
    Mutant("a retirement proves nothing under the lock (AWS)", _nothing_proven,
           scenario("rotated", "aws", "adopt --repair, retire", foreign=(LATE,), crash=False)),
    Mutant("a retirement proves the values of the first place only", _proven_at(0),
           scenario("rotated", BOTH, "adopt --repair, retire", foreign=(PASTED,), crash=False)),
    Mutant("a retirement proves the values of the last place only", _proven_at(-1),
           scenario("rotated", BOTH, "adopt --repair, retire", foreign=(PASTED,), crash=False)),
    Mutant("a sync does not ask Auth0 again after it has published", _confirmed_once,
           scenario("changed", BOTH, "sync", foreign=(HALFWAY,), crash=False)),
    Mutant("no compare-and-set on the lock", _no_cas_on("lock"), _two_vault),
    Mutant("no compare-and-set on the document", _no_cas_on("main"),
           scenario("managed", "vault", "rotate", foreign=("sibling",))),
    Mutant("tags after the write", _tag_after_write, scenario("managed", "vault", "rotate")),
    Mutant("promoted is judged by version number", _by_number,
           scenario("managed", "vault", "rotate", foreign=("sibling",))),
    Mutant("one refused probe is believed, undoing", _one_refusal,
           scenario("managed", "vault", "rotate", "resume --abort --takeover", preemptions=1)),
    Mutant("one refused probe is believed, ending a leaked value", _one_refusal,
           scenario("managed", "vault", "rotate --compromised")),
    Mutant("one refused probe is believed, and age is none, retiring", _no_age,
           scenario("managed", "vault", "rotate", "retire")),
    Mutant("a soft retirement deletes before it says what", _deleted_before_named,
           scenario("rotated", "vault", "retire --soft")),
    Mutant("retire without the lock", _unlocked("retire"), scenario("rotated", "vault", "retire", "rollback")),
    Mutant("sync keeps what was current before, ended or not", _any_base,
           scenario("retired", "aws", "sync", foreign=("value",))),
    Mutant("sync without the lock", _unlocked("sync"),
           scenario("changed", "vault", "sync", "sync", "rotate", crash=False, preemptions=2)),
    Mutant("places are claimed in the typed order", _typed_order, scenario("managed", "aws+vault", "rotate", "rotate")),
    Mutant("a command may name other places", _other_list, scenario("managed", "aws+vault", "rotate", "rotate")),
    Mutant("Auth0 is changed before all places are claimed", _set_before_all_claims,
           scenario("managed", "aws+vault", "rotate")),
    Mutant("a takeover makes a new value", _takeover_makes_a_value, scenario("managed", "vault", "rotate", "resume")),
    Mutant("AWS: ids from another call than the labels", _ids_from_another_call, _two_aws),
    Mutant("AWS: the label does not tell holders apart", _same_label,
           scenario("managed", "aws", "rotate", "resume --abort --takeover", crash=False, preemptions=1, stalls=1,
                    any_time=False)),
    Mutant("AWS: labels are moved by force", _label_by_force,
           scenario("managed", "aws", "rotate", foreign=("sibling",))),
    Mutant("AWS: the fallback has no label of its own", _no_pin, scenario("managed", "aws", "rotate")),
    Mutant("AWS: other keys are not compared", _incomplete_document,
           scenario("managed", "aws", "rotate", foreign=("sibling",))),
    Mutant("companions: nothing is announced (Vault)", _nothing_announced, scenario("managed", "vault*", "rotate")),
    Mutant("companions: nothing is announced (AWS)", _nothing_announced, scenario("managed", "aws*", "rotate")),
    Mutant("companions: who finishes announces nothing", _announced_by_nobody_who_finishes,
           scenario("managed", "vault*", "rotate", "resume")),
    Mutant("companions: what is given up stays announced (Vault)", _announced_for_ever,
           finishing("rotate", 5, "vault*", "resume --abort --takeover")),
    Mutant("companions: what is given up stays announced (AWS)", _announced_for_ever,
           finishing("rotate", 7, "aws*", "resume --abort --takeover")),
    Mutant("companions: what ends stands in the new fallback's version", _fallback_with_what_ends,
           scenario("rotated", "vault*", "rotate")),
)  # fmt: skip

__all__ = ["MUTANTS", "Execution", "Mutant", "Request"]
