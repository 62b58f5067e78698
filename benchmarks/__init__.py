"""What headrace is measured against, and how: `python -m benchmarks.run`."""
