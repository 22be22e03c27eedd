"""moto's server with a correction where moto does not answer as AWS does.

It is run as a script, so that it imports nothing of this project.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.models import SecretsManagerBackend
from moto.server import main

_list = SecretsManagerBackend.list_secret_version_ids


def _list_or_not_found(backend: Any, secret_id: str) -> str:
    """Refuse to list the versions of a secret that does not exist, as AWS does.

    moto itself answers 500, which the bridge would take for a fault of the server and retry.
    """
    if secret_id not in backend.secrets:
        raise SecretNotFoundException
    return str(_list(backend, secret_id))


if __name__ == "__main__":
    SecretsManagerBackend.list_secret_version_ids = _list_or_not_found  # type: ignore[method-assign,assignment]  # moto has no hook
    main()
