"""Who calls and what they may do: credentials, roles, limits; of ours the clock."""
