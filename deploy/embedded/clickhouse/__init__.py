"""The ClickHouse of the one-machine default: chDB's engine behind the native and HTTP protocols.

Start it with ``python -m deploy.embedded.clickhouse --path DIR``; README.md beside this file says
what it serves and what it does not.
"""
