"""Benchmark: the speed of one ingest process, beside a bare rival in the same run."""
