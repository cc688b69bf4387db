"""Where conversations live: entities in Ray actor shards, snapshots, the watchdog."""
