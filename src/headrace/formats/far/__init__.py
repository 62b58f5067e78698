"""Records of shards that are not here: by ranges where few are wanted, else with look-ahead."""
