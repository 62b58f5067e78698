"""Figures as they are set on the page."""

from __future__ import annotations

import math

# Larger and smaller numbers are set with an exponent.
MOST_PLAIN, LEAST_PLAIN = 1e6, 1e-3
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def figure(value: object) -> str:
    """A number with thousands apart and four digits that count; a true minus sign.

    Example:
        >>> figure(1234567), figure(0.123456), figure(3200.0)
        ('1,234,567', '0.1235', '3,200')
    """
    if isinstance(value, int):
        return f"{value:,}".replace("-", MINUS)
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return str(value).replace("-", MINUS)
    if not value or LEAST_PLAIN <= abs(value) < MOST_PLAIN:
        # Digits before the point are never rounded away.
        value = value or 0.0  # not -0
        after = max(0, 4 - len(str(int(abs(value)))) + (abs(value) < 1))
        said = f"{value:,.{after}f}"
        return (said.rstrip("0").rstrip(".") if "." in said else said).replace("-", MINUS)
    digits, _, exponent = f"{value:.3e}".partition("e")
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{digits.rstrip('0').rstrip('.')} {TIMES} 10{power}".replace("-", MINUS)


def plural(count: int, word: str) -> str:
    """`1 record`, `1,797 records`."""
    return f"{figure(count)} {word}" + ("" if count == 1 else "s")
