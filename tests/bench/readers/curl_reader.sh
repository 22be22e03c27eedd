#!/bin/sh
# Asks for tokens with curl: one process for each line, and one connection as long as it lasts.
# A fifth word is the path of a Unix socket to connect to. See tests/bench/agent_readers.py.
set -eu

requests() {
    # By the environment and standard input: arguments can be read by every user of the machine.
    COUNT=$1 URL=$2 SECRET=$3 EVERY=$4 SOCKET=$5 NOW=$(date +%s%N) awk 'BEGIN {
        print "fail-early"
        for (number = 0; number < ENVIRON["COUNT"]; number++) {
            if (number) print "next"
            print "silent\noutput = \"/dev/null\"\nmax-time = 120\nurl = \"" ENVIRON["URL"] "\""
            if (ENVIRON["SOCKET"]) print "unix-socket = \"" ENVIRON["SOCKET"] "\""
            print "data = \"grant_type=client_credentials\""
            print "data-urlencode = \"client_id=" ENVIRON["CLIENT_ID"] "\""
            print "data-urlencode = \"client_secret=" ENVIRON["SECRET"] "\""
            print "data-urlencode = \"audience=" ENVIRON["AUDIENCE"] "\""
            if (number % ENVIRON["EVERY"] == 0) print "data = \"organization=org_" ENVIRON["NOW"] "_" number "\""
            print "write-out = \"%{http_code} %{exitcode} %{time_total} %{errormsg}\\n\""
        }
    }'
}

all() {
    left=$1
    while [ "$left" -gt 0 ]; do
        found=$(requests "$left" "$2" "$3" "$4" "$5" | curl --config - || true)
        echo "$found"
        left=$((left - $(echo "$found" | wc -l)))
        [ "$left" -eq 0 ] || sleep 0.1 # a connection failed
    done
}

while read -r count url secret every socket; do
    all "$count" "$url" "$secret" "$every" "$socket" | awk '{
        asked++
        if ($1 == 200 && $2 == 0) {
            got++
            if ($3 > ENVIRON["LATE"] + 0) late++
            if ($3 > slowest) slowest = $3
        } else {
            if ($2 != 0) connection++
            else if ($1 == 401) refused++
            else other++
            why = $0
            gsub(/[^A-Za-z0-9 .:]/, "", why)
        }
    } END {
        printf "{\"asked\": %d, \"got\": %d, \"refused\": %d, ", asked, got, refused
        printf "\"connection\": %d, \"other\": %d, ", connection, other
        printf "\"late\": %d, \"slowest\": %.6f, \"why\": \"%s\"}\n", late, slowest, why
    }'
done
