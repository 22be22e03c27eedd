"""The one place where botocore's exceptions become ours.

Their texts are not quoted, because they hold what was sent.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from sinks.aws.logs import unsaid
from sinks.aws.variables import proxy_variable
from sinks.errors import BadAddress, Conflict, Denied, Refused, SinkError, Unavailable

AGAIN = "nothing is lost; run the same command again"
UNREACHED = f"check the network, the region, and endpoint_url (AWS_ENDPOINT_URL) where one is set; {AGAIN}"
DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "403"})
NO_LOGIN = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException",
    "SignatureDoesNotMatch", "UnrecognizedClientException", "IncompleteSignature", "IncompleteSignatureException",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired",
    "RequestExpired",
})  # fmt: skip
THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
})  # fmt: skip
KMS_FAILURES = frozenset({"DecryptionFailure", "EncryptionFailure"})
NO_CREDENTIALS = (
    boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.TokenRetrievalError,
    boto.NoAuthTokenError, boto.UnauthorizedSSOTokenError, boto.SSOTokenLoadError, boto.RefreshWithMFAUnsupportedError,
)  # fmt: skip
WRONG_SETTINGS = (
    boto.ProfileNotFound, boto.ConfigParseError, boto.ConfigNotFound, boto.ParamValidationError, boto.ValidationError,
    boto.InvalidConfigError, boto.NoRegionError,
)  # fmt: skip


NOT_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError)


class NotDone(Unavailable):
    """There was no usable answer, and the request was certainly not carried out: throttled, or never sent.

    After other missing answers a write may have been done, which makes them `unsure`. `wait` is how many seconds the
    answer asks to wait.
    """

    def __init__(self, message: str, hint: str | None = None, *, wait: float | None = None) -> None:
        super().__init__(message, hint)
        self.wait = wait


class NoLogin(Denied):
    """There are no credentials, or AWS does not accept them.

    It says nothing about the rights of the caller.
    """


class KeyDenied(Denied):
    """The secret's KMS key may not be used, or cannot be used.

    Its remedy is the key's policy or grant, and not the secret's.
    """


class Missing(Refused):
    """There is no such secret (any more), or no such version of it.

    AWS answers both with ResourceNotFoundException.
    """


@contextmanager
def translated(action: str, uri: str) -> Iterator[None]:
    """Translate whatever goes wrong in one call.

    `action` is the call's name in policies, `secretsmanager:PutSecretValue`. An answer that lacks an expected part
    becomes `Unavailable`.
    """
    try:
        with unsaid():
            yield
    except boto.ClientError as error:
        raise _from_answer(error, action, uri) from None
    except NO_CREDENTIALS as error:
        raise NoLogin(
            f"no usable AWS credentials for {uri} ({type(error).__name__})",
            "log in (aws sso login, a profile, a role), or set role_arn; then run the same command again",
        ) from None
    except WRONG_SETTINGS as error:
        raise BadAddress(
            f"the AWS settings for {uri} cannot be used ({type(error).__name__})", "check profile, region and address"
        ) from None
    except (boto.BotoCoreError, ResponseParserError, OSError) as error:
        raise _without_answer(error, action, uri) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise half_an_answer(action, uri) from None
    except RecursionError:
        raise Unavailable(f"{action} on {uri}: the answer is nested too deeply to be read", AGAIN) from None


def _without_answer(error: Exception, action: str, uri: str) -> Unavailable:
    kind = type(error).__name__
    if isinstance(error, boto.SSLError):
        return Unavailable(
            f"{action} on {uri}: the server's certificate was not accepted", "set ca_file (AWS_CA_BUNDLE)"
        )
    # Certainly not carried out, so a write that failed like this is not `unsure`.
    if isinstance(error, boto.ProxyConnectionError):
        named = proxy_variable(os.environ) or "HTTPS_PROXY"
        return NotDone(
            f"{action} on {uri}: no connection to the proxy that {named} names ({kind})",
            f"check {named}, or list the address in NO_PROXY; {AGAIN}",
        )
    if isinstance(error, NOT_SENT):
        return NotDone(f"{action} on {uri}: no connection to AWS ({kind})", UNREACHED)
    if isinstance(error, boto.ReadTimeoutError):
        return Unavailable(f"{action} on {uri}: no usable answer in time ({kind})", AGAIN)
    return Unavailable(f"{action} on {uri}: no usable answer ({kind})", AGAIN)


def half_an_answer(action: str, uri: str) -> Unavailable:
    """Return the error for an answer that lacks a required part."""
    return Unavailable(f"{action} on {uri}: the answer made no sense (half an answer?)", AGAIN)


def _from_answer(error: boto.ClientError, action: str, uri: str) -> SinkError:
    # AWS documents codes and not texts, so a text decides only where two causes share a code.
    code = str(error.response.get("Error", {}).get("Code", ""))
    told = str(error.response.get("Error", {}).get("Message", "")).lower()
    meta = error.response.get("ResponseMetadata", {})
    if code in KMS_FAILURES or code.startswith("KMS") or (code in DENIED and "kms" in told.replace(action, "")):
        return KeyDenied(
            f"AWS denied the use of the KMS key of {uri} ({action})",
            "allow kms:Decrypt and kms:GenerateDataKey on the secret's key, and check that the key is enabled",
        )
    if code in DENIED:
        return Denied(
            f"AWS denied {action} on {uri}", f"allow {action} on it, in the role's policy or the secret's own"
        )
    if code in NO_LOGIN:
        return NoLogin(
            f"AWS did not accept the credentials for {uri} ({code})", "log in again, or check this machine's clock"
        )
    if code == "ResourceExistsException":
        return Conflict(f"{action} on {uri}: somebody else was faster")
    if code == "ResourceNotFoundException":
        return Missing(f"{action} on {uri}: there is no such secret (any more)")
    wait = _wait(meta.get("HTTPHeaders") or {})
    if code in THROTTLED or (wait is not None and int(meta.get("HTTPStatusCode", 500)) in (429, 503)):
        return _throttled(action, uri, wait)
    return _from_refusal(code, told, int(meta.get("HTTPStatusCode", 500)), action, uri)


def _throttled(action: str, uri: str, wait: float | None) -> NotDone:
    asked = "a minute" if wait is None else f"{math.ceil(wait)} s"
    told = "" if wait is None else f" and asks to wait {asked}"
    return NotDone(f"{action} on {uri}: AWS is throttling this account{told}", f"wait {asked}; {AGAIN}", wait=wait)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds an answer asks to wait, or None.

    AWS's own header counts milliseconds. A gateway in between sends HTTP's, in seconds (a date counts as none).
    """
    for name, unit in (("x-amz-retry-after", 0.001), ("retry-after", 1)):
        if re.fullmatch(r"[0-9]{1,9}", headers.get(name, "")):
            return int(headers[name]) * unit
    return None


def _from_refusal(code: str, told: str, status: int, action: str, uri: str) -> SinkError:
    if "marked for deletion" in told or "marked deleted" in told or "scheduled for deletion" in told:
        return deleted(uri)
    if code == "InvalidParameterException" and action == "secretsmanager:UpdateSecretVersionStage":
        return Conflict(f"{action} on {uri}: the label is not where it was")
    if code == "LimitExceededException":
        return Refused(
            f"{action} on {uri}: AWS's limit is reached", "a secret can have about 100 versions a day and 50 tags"
        )
    if status < 500:  # in HTTP the request is at fault below 500
        return Refused(f"{action} on {uri}: AWS called the request invalid ({code})")
    return Unavailable(f"{action} on {uri}: AWS answered with an error ({code})", AGAIN)


def deleted(uri: str, when: str = "") -> Refused:
    """Return the refusal for a secret that is scheduled for deletion.

    `when` is appended to the message, with its own space.
    """
    return Refused(
        f"{uri} is scheduled for deletion{when}", "aws secretsmanager restore-secret --secret-id NAME keeps it"
    )
