"""The candidates through AWS's caching client. Needs aws-secretsmanager-caching and boto3's usual credentials."""

import json

from ask_auth0 import get_token
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

SECRET, KEY = "apps/billing", "client_secret"
STAGES = ("AWSCURRENT", "AWSPENDING", "FALLBACK")

cache = SecretCache(SecretCacheConfig(secret_refresh_interval=300))


def read(stage):
    """Return the value at a stage, as the cache knows it; None where there is none."""
    text = cache.get_secret_string(SECRET, version_stage=stage)
    return text and json.loads(text).get(KEY)


def candidates():
    """Yield current, pending, fallback; when all were refused, the same after a refresh."""
    yield from map(read, STAGES)
    cache.refresh_secret_now(SECRET)  # pauses for 2.5 to 5 s first, by its own rule
    yield from map(read, STAGES)


def token():
    """Keep what this returns until it expires."""
    return get_token(candidates)
