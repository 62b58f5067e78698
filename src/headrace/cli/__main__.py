"""`python -m headrace.cli`, where the command itself is not on the path."""

from __future__ import annotations

from headrace.cli import main

if __name__ == "__main__":
    main()
