"""The one place where botocore's exceptions become ours.

Their texts are not quoted, because they hold what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from sinks.errors import BadAddress, Conflict, Denied, Refused, SinkError, Unavailable

AGAIN = "nothing is lost; run the same command again"
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


NOT_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)


class NotDone(Unavailable):
    """There was no usable answer, and the request was certainly not carried out: throttled, or never sent.

    After other missing answers a write may have been done, which makes them `unsure`.
    """


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
    except boto.SSLError:
        raise Unavailable(
            f"{action} on {uri}: the server's certificate was not accepted", "set ca_file (AWS_CA_BUNDLE)"
        ) from None
    # Certainly not carried out, so a write that failed like this is not `unsure`.
    except NOT_SENT as error:
        raise NotDone(f"{action} on {uri}: no connection ({type(error).__name__})", AGAIN) from None
    except (boto.BotoCoreError, ResponseParserError, OSError) as error:
        raise Unavailable(f"{action} on {uri}: no usable answer ({type(error).__name__})", AGAIN) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise half_an_answer(action, uri) from None


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
    return _from_refusal(code, told, int(meta.get("HTTPStatusCode", 500)), action, uri)


def _from_refusal(code: str, told: str, status: int, action: str, uri: str) -> SinkError:
    if code in THROTTLED:
        return NotDone(f"{action} on {uri}: AWS is throttling this account", f"wait a minute; {AGAIN}")
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
