"""Squirrel's names over headrace: `iterstream` is Stream, stores are Store, drivers are sources."""
