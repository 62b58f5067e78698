"""The names of other libraries over headrace: code written for them runs by its imports changed."""
