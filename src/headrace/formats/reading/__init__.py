"""From the buffers of shards to the values of records."""
