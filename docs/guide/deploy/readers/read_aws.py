"""The candidates in AWS Secrets Manager. Needs boto3, and its usual credentials."""

import json

import boto3
from ask_auth0 import get_token

SECRET, KEY = "apps/billing", "client_secret"

aws = boto3.client("secretsmanager", region_name="us-east-1")


def read(stage):
    """Return the value at a stage; None where nothing has that label, or the version has no such key."""
    try:
        text = aws.get_secret_value(SecretId=SECRET, VersionStage=stage)["SecretString"]
    except aws.exceptions.ResourceNotFoundException:
        return None
    return json.loads(text).get(KEY)


def candidates():
    """Yield current, pending, fallback. Each is read only when the one before was refused."""
    yield read("AWSCURRENT")
    yield read("AWSPENDING")
    yield read("AWSCURRENT")  # once more: what was pending may have become current
    yield read("FALLBACK")


def token():
    """Keep what this returns until it expires."""
    return get_token(candidates)
