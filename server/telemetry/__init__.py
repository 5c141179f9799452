"""Sight into a running server: its metrics and its traces. Knows runtime and events."""
