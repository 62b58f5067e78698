"""Shards as bytes: Arrow files of one batch, their parts, gathers across them, their digests."""
