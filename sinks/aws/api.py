"""The raw calls: each method is one request, and decisions are made elsewhere.

Nothing is retried here: only the caller knows which call may be sent twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sinks import request_ids, wire
from sinks.aws.errors import Missing, half_an_answer, translated
from sinks.aws.responses import Described, Got, Listed, Page
from sinks.clock import Clock
from sinks.errors import Conflict, Expired, Refused
from sinks.secret import Secret

LOG = logging.getLogger(__name__)
LOOKING = ("Describe", "Get", "List")  # the names of calls that change nothing begin with these
PAGE = 100  # the maximum of MaxResults in ListSecretVersionIds


class Api:
    """One secret's calls over a boto3 client. `before` is the monotonic time by which a call must have ended.

    `connect` returns a client that is `watched`, and `identify` asks STS who is calling. Every method may raise
    `Denied`, `Refused`, `Unavailable` and, given `before`, `Expired`.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        secret_id: str,
        uri: str,
        clock: Clock,
        *,
        identify: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self._connect = connect
        self._identify = identify
        self._secret_id = secret_id
        self._uri = uri
        self._clock = clock
        self._known: Any = None

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        if self._known is not None:
            self._known.close()

    def caller(self) -> dict[str, str]:
        """Return who is calling, as STS says.

        The result has the key `arn` (sts:GetCallerIdentity, which needs no permission).
        """
        with translated("sts:GetCallerIdentity", self._uri):
            return self._identify()

    def describe(self) -> Described:
        """Read tags and settings (DescribeSecret). `Described.exists` is False where there is no such secret."""
        with self._calling("DescribeSecret") as client:
            try:
                answer = client.describe_secret(SecretId=self._secret_id)
            except client.exceptions.ResourceNotFoundException as error:
                return Described(at=_date(error.response))
            return Described(
                at=_date(answer),
                arn=answer["ARN"],
                name=answer["Name"],
                tags={tag["Key"]: tag.get("Value", "") for tag in answer.get("Tags") or ()},
                labels={v: frozenset(stages) for v, stages in (answer.get("VersionIdsToStages") or {}).items()},
                deleted=answer.get("DeletedDate"),
                rotates=bool(answer.get("RotationEnabled")),
                primary_region=answer.get("PrimaryRegion"),
                primary_arn=(answer.get("CrossAccountPrimary") or {}).get("PrimarySecretARN"),
                replicas=(
                    *((r["Region"], r["Status"]) for r in answer.get("ReplicationStatus") or ()),
                    *(
                        (r["ReplicaSecretARN"], r["ReplicationStatus"])
                        for r in answer.get("CrossAccountReplicas") or ()
                    ),
                ),
                type=answer.get("Type"),
                owner=answer.get("OwningService"),
                changed=answer.get("LastChangedDate"),
                key=answer.get("KmsKeyId"),
            )

    def page(self, token: str | None = None) -> Page:
        """Read one page of the versions, including those without labels.

        `token` is `Page.next` of the page before. Ids of unlabelled versions count too when the next id is derived.
        """
        more = {"NextToken": token} if token else {}
        with self._calling("ListSecretVersionIds") as client:
            answer = client.list_secret_version_ids(
                SecretId=self._secret_id, IncludeDeprecated=True, MaxResults=PAGE, **more
            )
            versions = tuple(
                Listed(v["VersionId"], frozenset(v.get("VersionStages") or ()), v.get("CreatedDate"))
                for v in answer["Versions"]
            )
            return Page(versions, _date(answer), answer.get("NextToken") or None)

    def get(self, version_id: str) -> Secret | None:
        """Read a version's text. None: it is empty.

        Raises:
            Conflict: there is no such version (any more).
            Refused: it is binary.
        """
        try:
            with self._calling("GetSecretValue") as client:
                answer = client.get_secret_value(SecretId=self._secret_id, VersionId=version_id)
                if answer.get("SecretBinary") is not None:
                    raise Refused(f"{self._uri} holds binary data", "only text (SecretString) can be managed")
                return Secret(answer["SecretString"]) if answer["SecretString"] else None
        except Missing:
            raise Conflict(f"version {version_id} of {self._uri} is gone") from None

    def staged(self, stage: str) -> Got | None:
        """Read the version that has a label. None: no version has it, or there is no such secret.

        Raises:
            Refused: it is binary.
        """
        try:
            with self._calling("GetSecretValue") as client:
                answer = client.get_secret_value(SecretId=self._secret_id, VersionStage=stage)
                if answer.get("SecretBinary") is not None:
                    raise Refused(f"{self._uri} holds binary data", "only text (SecretString) can be read")
                stages = frozenset(answer.get("VersionStages") or ())
                return Got(answer["VersionId"], Secret(answer["SecretString"]), stages, _date(answer))
        except Missing:
            return None

    def create(self, version_id: str, text: Secret, tags: Mapping[str, str]) -> None:
        """Create the secret with its first version. Idempotent.

        Raises:
            Conflict: it exists, with another first version.
        """
        with self._calling("CreateSecret") as client:
            answer = client.create_secret(
                Name=self._secret_id, ClientRequestToken=version_id, SecretString=text.reveal(), Tags=_pairs(tags)
            )
            self._check(answer.get("VersionId") == version_id, "CreateSecret")

    def put(self, version_id: str, text: Secret, stages: Iterable[str]) -> frozenset[str]:
        """Add a version and move labels to it. Return its labels. Idempotent (PutSecretValue).

        Raises:
            Conflict: there is a version of this id with another text.
        """
        with self._calling("PutSecretValue") as client:
            answer = client.put_secret_value(
                SecretId=self._secret_id,
                ClientRequestToken=version_id,
                SecretString=text.reveal(),
                VersionStages=list(stages),
            )
            self._check(answer.get("VersionId") == version_id and bool(answer.get("VersionStages")), "PutSecretValue")
            return frozenset(answer["VersionStages"])

    def label(self, stage: str, *, remove: str | None, to: str | None = None, before: float | None = None) -> None:
        """Move a label from one version to another. Without `to`, only remove it.

        Raises:
            Conflict: the label is not at `remove`.
        """
        where = {key: value for key, value in (("RemoveFromVersionId", remove), ("MoveToVersionId", to)) if value}
        try:
            with self._calling("UpdateSecretVersionStage", before) as client:
                answer = client.update_secret_version_stage(SecretId=self._secret_id, VersionStage=stage, **where)
                self._check(bool(answer.get("ARN")), "UpdateSecretVersionStage")
        except Missing:
            raise Conflict(f"a version of {self._uri} is gone") from None

    def tag(self, tags: Mapping[str, str], *, before: float | None = None) -> None:
        """Write tags. Others stay as they are.

        There is no compare-and-set here, so a lock holder gives `before`, the end of its lease.
        """
        with self._calling("TagResource", before) as client:
            client.tag_resource(SecretId=self._secret_id, Tags=_pairs(tags))

    def untag(self, keys: Iterable[str], *, before: float | None = None) -> None:
        """Remove tags.

        As in `tag`, `before` is the end of the lease.
        """
        with self._calling("UntagResource", before) as client:
            client.untag_resource(SecretId=self._secret_id, TagKeys=list(keys))

    @contextmanager
    def _calling(self, operation: str, before: float | None = None) -> Iterator[Any]:
        if self._known is None:
            self._known = self._connect()
        LOG.debug("%s %s", operation, self._uri)

        def in_time() -> None:
            if before is not None and self._clock.monotonic() >= before:
                raise Expired(f"a call to {self._uri} could not end within its lease")

        with wire.checked(in_time):
            with translated(f"secretsmanager:{operation}", self._uri):
                yield self._known
            # Also after the answer: a late call may have been carried out after another process took the sink.
            in_time()

    def _check(self, good: bool, operation: str) -> None:  # noqa: FBT001  # an assertion
        if not good:
            raise half_an_answer(f"secretsmanager:{operation}", self._uri)


def watched(client: Any) -> None:
    """Have each request of a client checked against the lease of its call, and its id noted."""
    # Credentials may take long to come. What is too late then needs no connection.
    client.meta.events.register("before-send.secretsmanager", _check_time)
    client.meta.events.register("after-call.secretsmanager", _noted)


def _check_time(**_: object) -> None:
    wire.check()


def _noted(parsed: Any, model: Any, **_: object) -> None:
    # CloudTrail knows a request by this id.
    told = parsed.get("ResponseMetadata") or {}
    changes = not model.name.startswith(LOOKING)
    if request_ids.wanted(changes=changes, status=told.get("HTTPStatusCode") or 0):
        request_ids.note("aws", told.get("RequestId"))


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _date(answer: Any) -> datetime:
    # HTTP dates are in GMT (RFC 9110, section 5.6.7), in whatever form they say so.
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).replace(tzinfo=UTC)
