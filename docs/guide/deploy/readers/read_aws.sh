#!/bin/sh
# read_aws.sh apps/billing AWSCURRENT|AWSPENDING|FALLBACK: prints the value; exit 4 where there is none.
# Needs the AWS CLI and jq.
set -eu
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

if ! text=$(aws secretsmanager get-secret-value --secret-id "$1" --version-stage "$2" \
    --query SecretString --output text 2>"$errors"); then
    grep -q ResourceNotFoundException "$errors" && exit 4 # nothing has that label
    cat "$errors" >&2
    exit 1
fi
printf '%s' "$text" | jq -er '.client_secret // empty' # its own exit status is 4 where there is no such key
