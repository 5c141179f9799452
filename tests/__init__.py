"""The tests of nearturn; docs/ARCHITECTURE.md says which suite proves what."""
