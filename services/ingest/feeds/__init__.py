"""Agencies' own Kafka topics: read, checked as pushes over HTTP are, forwarded."""
