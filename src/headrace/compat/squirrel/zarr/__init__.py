"""Zarr groups are not carried; arrays go into `hr.Storage`."""
