#!/bin/sh
# Starts a ClickHouse server that knows the hashes of minmai's passwords, whose files are Docker secrets.
set -eu

for user in schema writer board reader; do
    file="${SECRETS:-/run/secrets}/clickhouse_$user"
    # As the services read it: without the newline at its end.
    password=$(tr -d '[:space:]' <"$file")
    if [ -z "$password" ]; then
        echo "$file is empty: ClickHouse would let anybody in as minmai_$user" >&2
        exit 1
    fi
    digest=$(printf %s "$password" | sha256sum | cut -c1-64)
    export "CLICKHOUSE_$(echo "$user" | tr '[:lower:]' '[:upper:]')_SHA256=$digest"
done
unset password

exec clickhouse-server --config-file=/etc/clickhouse-server/config.xml
