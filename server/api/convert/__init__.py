"""The one place where the contract's messages meet the domain's values."""
