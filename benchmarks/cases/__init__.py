"""One file a peer; each gives `CASES`, the measurements that it takes part in."""
