"""Command queue, engine thread, group commit, timers: owns the shards."""
