"""torchdata 0.9 over headrace: DataPipes are Streams, DataLoader2 is a DataLoader."""
