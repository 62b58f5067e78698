"""A version's table of contents: what its shards are, and where their buffers lie."""
