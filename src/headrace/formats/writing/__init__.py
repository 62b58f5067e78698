"""Records to shards: filled, widened, cut and published behind the source."""
