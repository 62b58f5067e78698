"""Artifact managers are not carried; the versions of `hr.Storage` stand for them."""
