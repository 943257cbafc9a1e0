"""The documentation of a plan's indicators, written from their declarations."""
