"""Whether a stored value is Base64, where its verifiers decode it. The one check that has to see a value."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from sinks.errors import SinkError

if TYPE_CHECKING:
    from bridge.doctor.report import Report
    from sinks.reader import Reader
    from sinks.secret import Secret


def is_base64(value: Secret) -> bool:
    """Tell whether a value can be decoded, in either alphabet."""
    try:
        base64.b64decode(value.reveal().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def check(report: Report, reader: Reader, command: str) -> None:
    """Judge the current value of a place whose client has a Base64 secret."""
    try:
        value = reader.latest().value
    except SinkError:
        return  # the place's own report says why
    finally:
        reader.close()
    if value is None:
        return
    if is_base64(value):
        report.ok("the value is Base64, as its client says")
    else:
        told = "its client's secret is Base64 (secret_encoded), and the value here is not"
        report.wrong("client-base64-value", told, command=command)
