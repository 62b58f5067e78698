"""Batches in the types of other frameworks, one module a framework."""
