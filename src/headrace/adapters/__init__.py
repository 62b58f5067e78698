"""Batches in the types of other frameworks, one module or package a framework."""
