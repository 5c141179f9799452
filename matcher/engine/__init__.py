"""Planning and the shard state machine; imports every other room but simulate."""
