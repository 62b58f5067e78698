"""The fields of records: their kinds, learned from records, sound or not."""
