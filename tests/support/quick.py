"""What a test process works out once, instead of for each of the thousands of commands that it runs.

No behaviour changes: neither the commands' signatures nor the authorities that a machine trusts change meanwhile, and
a proxy is looked for again when its variables change.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import httpx
import typer.testing

from tests.support import quick_aws, quick_vault

TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@functools.cache
def once_per_process() -> None:
    """Share what AWS clients load, what Typer builds of the commands, the usual authorities, and proxies."""
    quick_aws.once_per_process()
    testing: Any = typer.testing
    testing._get_command = functools.cache(testing._get_command)
    transport: Any = httpx._transports.default  # type: ignore[attr-defined]  # not exported
    transport.create_ssl_context = _shared(transport.create_ssl_context)
    quick_vault.once_per_process()


def _shared(create: Any) -> Any:
    usual = functools.cache(lambda trust_env, *_trusted: create(trust_env=trust_env))

    def created(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:
        if verify is not True or cert is not None:
            return create(verify=verify, cert=cert, trust_env=trust_env)
        return usual(trust_env, *(os.environ.get(name) for name in TRUST))

    return created
