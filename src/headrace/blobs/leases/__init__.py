"""Who may build a version: leases, by locks that die with their holder or are renewed."""
