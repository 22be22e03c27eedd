"""The candidates in Vault or OpenBao. Needs hvac; the environment says where Vault is and who you are."""

import hvac
from ask_auth0 import get_token

MOUNT, PATH, KEY = "secret", "apps/billing", "client_secret"

vault = hvac.Client()


def read(path, version=None):
    """Return a document and its metadata, empty where there is none."""
    kv = vault.secrets.kv.v2
    try:
        return kv.read_secret_version(path, version, mount_point=MOUNT, raise_on_deleted_version=True)["data"]
    except hvac.exceptions.InvalidPath:
        return {"data": {}, "metadata": {}}


def candidates():
    """Yield current, pending, fallback. Each is read only when the one before was refused."""
    yield read(PATH)["data"].get(KEY)
    yield read(f"{PATH}/pending")["data"].get(KEY)
    latest = read(PATH)  # once more: what was pending may have become current
    yield latest["data"].get(KEY)
    fallback = (latest["metadata"].get("custom_metadata") or {}).get("bridge_fallback")
    if fallback:
        yield read(PATH, int(fallback))["data"].get(KEY)


def token():
    """Keep what this returns until it expires."""
    return get_token(candidates)
