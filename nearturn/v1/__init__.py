"""Generated from the schema by `make proto`; not edited by hand."""
