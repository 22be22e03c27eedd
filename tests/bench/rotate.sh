#!/bin/sh
# What a careful script does instead: change Auth0, then publish. VAULT_PLACE (MOUNT/PATH) and AWS_PLACE (NAME) may be
# empty. No secret in argv. What it lacks: killed after the PATCH, Auth0 accepts a value that is stored nowhere; two of
# them at once, or a failure between the vaults, leave different values behind; nothing keeps the fallback.
set -eu

json() { jq -c "$@"; }
vault() { bao kv "$@"; }
aws_() { aws secretsmanager "$@" --secret-id "$AWS_PLACE"; }

token=$(json -n '{grant_type: "client_credentials", client_id: env.AUTH0_CLIENT_ID,
    client_secret: env.AUTH0_CLIENT_SECRET, audience: env.AUTH0_AUDIENCE}' |
    curl -fsS --json @- "$AUTH0_DOMAIN/oauth/token" | jq -r .access_token)

if [ -n "$VAULT_PLACE" ]; then
    base=$(vault get -format=json "$VAULT_PLACE")
    number=$(printf %s "$base" | jq .data.metadata.version)
fi
if [ -n "$AWS_PLACE" ]; then
    document=$(aws_ get-secret-value --query SecretString --output text)
fi

NEW=$(openssl rand -base64 48 | tr +/ -_)
export NEW
json -n '{client_secret: env.NEW}' | curl -fsS -o /dev/null -X PATCH --json @- -K /dev/fd/3 \
    "$AUTH0_DOMAIN/api/v2/clients/$CLIENT_ID" 3<<HEADER
header = "Authorization: Bearer $token"
HEADER

now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
if [ -n "$VAULT_PLACE" ]; then
    printf %s "$base" | json '.data.data + {client_secret: env.NEW}' |
        vault put -cas="$number" "$VAULT_PLACE" - >/dev/null
    vault metadata patch -custom-metadata=rotated_at="$now" -custom-metadata=fallback="$number" \
        "$VAULT_PLACE" >/dev/null
fi
if [ -n "$AWS_PLACE" ]; then
    printf %s "$document" | json '. + {client_secret: env.NEW}' |
        aws_ put-secret-value --secret-string file:///dev/stdin >/dev/null
    aws_ tag-resource --tags "Key=rotated_at,Value=$now"
fi
