"""Columns in memory, which records are added to."""
