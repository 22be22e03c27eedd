"""AWS Secrets Manager in memory, as strict as `tests.support.strict_moto`: what calls do, and the `Api` that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sinks.aws.errors import Missing
from sinks.aws.listing import CURRENT, PREVIOUS, PROOF
from sinks.aws.responses import Described, Listed, Page
from sinks.errors import Conflict, Expired, Unavailable
from sinks.secret import Secret
from tests.resilience.model.vault_model import Ask
from tests.resilience.model.world import CONFLICT, EXPIRED, LOST, MISSING, OK, Answer, AwsPlace, Labelled, Request, at

Changed = tuple[AwsPlace, Answer]


def serve_aws(place: AwsPlace, request: Request, clock: float) -> tuple[AwsPlace, Answer]:
    """Do one call."""
    if request.before is not None and clock >= request.before:
        return place, (EXPIRED,)
    if request.name == "describe":
        return place, (OK, place.exists, place.tags, place.changed, clock)
    if not place.exists and request.name != "create":
        return place, (MISSING,)
    if request.name == "page":
        return place, (OK, tuple((v.id, v.stages, v.made) for v in place.versions), clock)
    if request.name == "get":
        found = next((v.text for v in place.versions if v.id == request.args[0]), None)
        return place, (MISSING,) if found is None else (OK, found)
    return _CHANGES[request.name](place, clock, *request.args)


def holder(place: AwsPlace, stage: str) -> Labelled | None:
    """Return the version that has a label."""
    return next((v for v in place.versions if stage in v.stages), None)


def give(place: AwsPlace, stage: str, version: str | None, clock: float) -> AwsPlace:
    """Move a label, wherever it is; AWSPREVIOUS follows AWSCURRENT."""
    before = holder(place, stage)
    if (before.id if before else None) == version:
        return place._replace(changed=clock)

    def stages(v: Labelled) -> tuple[str, ...]:
        rest = {s for s in v.stages if s != stage}
        return tuple(sorted(rest | {stage})) if v.id == version else tuple(sorted(rest))

    place = place._replace(versions=tuple(v._replace(stages=stages(v)) for v in place.versions), changed=clock)
    return give(place, PREVIOUS, before.id, clock) if stage == CURRENT and before else place


def _create(place: AwsPlace, clock: float, version: str, text: str, tags: Any) -> Changed:
    if place.exists:
        mine = any(v.id == version and v.text == text for v in place.versions)
        return place, (OK,) if mine else (CONFLICT,)
    return AwsPlace(True, (Labelled(version, clock, text, (CURRENT,)),), tags, clock), (OK,)


def _put(place: AwsPlace, clock: float, version: str, text: str, stages: tuple[str, ...]) -> Changed:
    known = next((v for v in place.versions if v.id == version), None)
    if known is not None:
        return place, (CONFLICT,) if known.text != text else (OK, known.stages)
    wanted = stages if place.versions or CURRENT in stages else (*stages, CURRENT)
    place = place._replace(versions=(*place.versions, Labelled(version, clock, text, ())))
    for stage in wanted:
        place = give(place, stage, version, clock)
    return place, (OK, place.versions[-1].stages)


def _label(place: AwsPlace, clock: float, stage: str, remove: str | None, to: str | None) -> Changed:
    ids, present = {v.id for v in place.versions}, holder(place, stage)
    if any(version and version not in ids for version in (remove, to)):
        return place, (MISSING,)
    at_present = present.id if present else None
    if (remove and at_present != remove) or (to and at_present not in (None, to, remove)):
        return place, (CONFLICT,)
    if stage == CURRENT and not to:
        return place, (CONFLICT,)
    return give(place, stage, to, clock), (OK,)


def _tag(place: AwsPlace, clock: float, tags: Any) -> Changed:
    return place._replace(tags=tuple(sorted({**dict(place.tags), **dict(tags)}.items())), changed=clock), (OK,)


def _untag(place: AwsPlace, clock: float, keys: tuple[str, ...]) -> Changed:
    return place._replace(tags=tuple(tag for tag in place.tags if tag[0] not in keys), changed=clock), (OK,)


_CHANGES: Mapping[str, Callable[..., Changed]] = {
    "create": _create, "put": _put, "label": _label, "tag": _tag, "untag": _untag,
}  # fmt: skip


class ModelApi:
    """Stands for `sinks.aws.api.Api` of one secret: same methods, same types. A page holds all versions."""

    def __init__(self, ask: Ask, now: Callable[[], datetime], index: int, name: str) -> None:
        self._ask = ask
        self._index = index
        self._name = name

    def describe(self) -> Described:
        exists, tags, changed, clock = self._call("describe")
        if not exists:
            return Described(at(clock))
        arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{self._name}-AbCdEf"
        return Described(at(clock), arn, self._name, dict(tags), changed=at(changed))

    def page(self, token: str | None = None) -> Page:
        versions, clock = self._call("page")
        return Page(tuple(Listed(i, frozenset(stages), at(made)) for i, stages, made in versions), at(clock))

    def get(self, version_id: str) -> Secret | None:
        try:
            (text,) = self._call("get", version_id)
        except Missing:
            raise Conflict("that version is gone") from None
        return Secret(text) if text else None

    def create(self, version_id: str, text: Secret, tags: Mapping[str, str]) -> None:
        self._call("create", version_id, text.reveal(), tuple(sorted(tags.items())))

    def put(self, version_id: str, text: Secret, stages: Iterable[str]) -> frozenset[str]:
        return frozenset(self._call("put", version_id, text.reveal(), tuple(stages))[0])

    def label(self, stage: str, *, remove: str | None, to: str | None = None, before: float | None = None) -> None:
        if stage == PROOF:  # nowhere, so nothing is changed, not even the secret's date
            raise Conflict("the label is not there")
        try:
            self._call("label", stage, remove, to, before=before)
        except Missing:
            raise Conflict("a version is gone") from None

    def tag(self, tags: Mapping[str, str], *, before: float | None = None) -> None:
        self._call("tag", tuple(sorted(tags.items())), before=before)

    def untag(self, keys: Iterable[str], *, before: float | None = None) -> None:
        self._call("untag", tuple(sorted(keys)), before=before)

    def _call(self, name: str, *args: Any, before: float | None = None) -> tuple[Any, ...]:
        kind, *told = self._ask(Request(self._index, name, args, before))
        if kind == CONFLICT:
            raise Conflict("somebody else was faster")
        if kind == EXPIRED:
            raise Expired("too late")
        if kind == LOST:
            raise Unavailable("no answer")
        if kind == MISSING:
            raise Missing("no such secret")
        return tuple(told)
