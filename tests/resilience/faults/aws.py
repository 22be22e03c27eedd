"""Faults at AWS (strict moto), and at both vaults."""

from __future__ import annotations

from tests.resilience.faults.between import Fault, answers, aws_error, cut, drop, hang, page, truncate
from tests.resilience.faults.case import (
    A_LABEL,
    A_LIST,
    A_PUT,
    A_TAG,
    AWS,
    LEAK,
    RETIRE,
    SET,
    V_READ,
    VAULT,
    Case,
    Do,
    Left,
    forgotten,
    in_dashboard,
    rotated,
)  # fmt: skip

AGAIN, RESUME, NOTHING = Do.AGAIN, Do.RESUME, Do.NOTHING
THROTTLED = aws_error("ThrottlingException")
BROKEN = aws_error("InternalServiceError", 500)
DENIED = answers(
    400,
    {"__type": "AccessDeniedException", "Message": "User is not authorized to perform: secretsmanager:X"},
    Content_Type="application/x-amz-json-1.1",
)
NO_KEY = answers(
    400,
    {"__type": "AccessDeniedException", "Message": "Access to KMS is not allowed"},
    Content_Type="application/x-amz-json-1.1",
)
EXPIRED = aws_error("ExpiredTokenException")

LEAKED = ("sync", "--compromised", "--reason", "leak", "--yes")
READING = (
    Case("aws-throttled-once", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(A_LIST, THROTTLED, count=2), Fault(A_PUT, THROTTLED, count=1),
          Fault(A_LABEL, THROTTLED, skip=1, count=1))),
    Case("aws-throttled", 1, "AWS is throttling this account", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, THROTTLED),)),
    Case("aws-5xx", 1, "AWS answered with an error", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, BROKEN),)),
    Case("aws-html", 1, "AWS answered with an error", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, page()),)),
    Case("aws-html-200", 1, "half an answer?", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, page(200)),)),
    Case("aws-truncated", 1, "half an answer?", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, truncate),)),
    Case("aws-half-answer", 1, "half an answer?", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, cut),)),
    Case("aws-empty-200", 1, "half an answer?", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, answers(200, {})),)),
    Case("aws-down", 1, "no usable answer", Left.UNTOUCHED, AGAIN, (Fault(AWS, drop(reset=True)),)),
    Case("aws-timeout", 1, "no usable answer", Left.UNTOUCHED, AGAIN, (Fault(A_LIST, hang(6)),), slow=True),
    Case("aws-credentials-expired", 1, "did not accept the credentials", Left.UNTOUCHED, AGAIN,
         (Fault(AWS, EXPIRED),)),
    Case("aws-clock-refused", 1, "check this machine's clock", Left.UNTOUCHED, AGAIN,
         (Fault(AWS, aws_error("InvalidSignatureException")),)),
    Case("aws-denied", 1, "AWS denied secretsmanager:UpdateSecretVersionStage", Left.UNTOUCHED, AGAIN,
         (Fault(A_LABEL, DENIED),)),
    Case("aws-kms-denied", 1, "AWS denied the use of the KMS key", Left.UNTOUCHED, AGAIN,
         (Fault("aws GetSecretValue", NO_KEY),)),
    Case("aws-5xx-recalling", 1, "AWS answered with an error", Left.UNTOUCHED, AGAIN,
         (Fault(A_LIST, BROKEN, after=V_READ),), command=LEAKED, scene=forgotten, changes=0, fallback=None),
)  # fmt: skip
CLAIMING = (
    Case("aws-claim-answer-lost", 0, "rotated in", Left.DONE, NOTHING, (Fault(A_PUT, drop(effect=True), count=1),)),
    Case("aws-claim-empty-200", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(A_PUT, answers(200, {}, effect=True), count=1),)),
    Case("aws-claim-throttled", 1, "AWS is throttling this account", Left.UNTOUCHED, AGAIN,
         (Fault(A_PUT, THROTTLED),)),
    Case("aws-claim-denied", 1, "AWS denied secretsmanager:PutSecretValue", Left.UNTOUCHED, AGAIN,
         (Fault(A_PUT, DENIED),)),
    Case("aws-claim-kms-denied", 1, "AWS denied the use of the KMS key", Left.UNTOUCHED, AGAIN,
         (Fault(A_PUT, NO_KEY),)),
    Case("aws-claim-5xx", 3, "AWS answered with an error", Left.UNTOUCHED, RESUME, (Fault(A_PUT, BROKEN),),
         changes=0, fallback="older"),
    Case("aws-claim-timeout", 0, "rotated in", Left.DONE, NOTHING, (Fault(A_PUT, hang(6, effect=True)),), slow=True),
    Case("aws-claim-tag-denied", 1, "AWS denied secretsmanager:TagResource", Left.GIVEN_BACK, AGAIN,
         (Fault(A_TAG, DENIED),)),
    Case("aws-down-before-set", 3, "no usable answer", Left.HELD, RESUME,
         (Fault(AWS, drop(reset=True), after=A_TAG),)),
    Case("aws-credentials-expired-before-set", 3, "did not accept the credentials", Left.HELD, RESUME,
         (Fault(AWS, EXPIRED, after=A_TAG),)),
)  # fmt: skip
AFTER = (
    Case("aws-promote-answers-lost", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(A_LABEL, drop(effect=True), skip=1, count=1), Fault(A_TAG, drop(effect=True), skip=1, count=1))),
    Case("aws-throttled-at-promote", 3, "AWS is throttling this account", Left.HALF, RESUME,
         (Fault(AWS, THROTTLED, after=SET),)),
    Case("aws-5xx-at-promote", 3, "AWS answered with an error", Left.HALF, RESUME, (Fault(AWS, BROKEN, after=SET),)),
    Case("aws-down-at-promote", 3, "no usable answer", Left.HALF, RESUME,
         (Fault(AWS, drop(reset=True), after=SET),)),
    Case("aws-timeout-at-promote", 3, "no usable answer", Left.HALF, RESUME,
         (Fault(A_LABEL, hang(6), after=SET),), slow=True),
    Case("aws-denied-at-promote", 3, "AWS denied secretsmanager:UpdateSecretVersionStage", Left.HALF, RESUME,
         (Fault(A_LABEL, DENIED, after=SET),)),
    Case("aws-credentials-expired-at-promote", 3, "did not accept the credentials", Left.HALF, RESUME,
         (Fault(AWS, EXPIRED, after=SET),)),
    Case("aws-down-at-release", 3, "no usable answer", Left.PUBLISHED, RESUME,
         (Fault(AWS, drop(reset=True), after=r"vault (POST|PUT) /v1/secret/destroy/apps/[^/]*/pending"),)),
    Case("aws-down-retire", 3, "no usable answer", Left.MIXED, RESUME,
         (Fault(AWS, drop(reset=True), after=A_TAG),), command=RETIRE, scene=rotated, changes=0, fallback=None),
    Case("aws-throttled-retire", 3, "AWS is throttling this account", Left.MIXED, RESUME,
         (Fault(A_LABEL, THROTTLED, skip=1),), command=RETIRE, scene=rotated, changes=0, fallback=None),
    Case("aws-down-rollback", 3, "no usable answer", Left.HALF, RESUME,
         (Fault(AWS, drop(reset=True), after=SET),), command=("rollback",), scene=rotated, changes=0),
    Case("aws-down-sync", 3, "no usable answer", Left.MIXED, RESUME,
         (Fault(AWS, drop(reset=True), after=r"vault PATCH /v1/secret/metadata/apps/[^/]*/pending"),),
         command=("sync",), scene=in_dashboard, changes=0, fallback="current"),
    Case("aws-down-leak", 3, "no usable answer", Left.HALF, RESUME,
         (Fault(AWS, drop(reset=True), after=SET),), command=LEAK, changes=2, fallback=None),
    Case("both-down-at-promote", 3, "no usable answer", Left.PENDING, RESUME,
         (Fault(f"{AWS}|{VAULT}", drop(reset=True), after=SET),)),
    Case("both-down-leak", 3, "no usable answer", Left.PENDING, RESUME,
         (Fault(f"{AWS}|{VAULT}", drop(reset=True), after=SET),), command=LEAK, changes=2, fallback=None),
)  # fmt: skip
CASES = (*READING, *CLAIMING, *AFTER)
