"""Reading and writing single files, and the registry of drivers."""
