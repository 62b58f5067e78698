"""Blobs and files in object stores and on web servers."""
