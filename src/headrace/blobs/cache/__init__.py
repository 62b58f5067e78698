"""Copies of remote shards on local disk, shared by all processes of a machine."""
