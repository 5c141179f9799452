"""Reproducible timings: ours and a named peer on one input, in one process."""
