"""The few units this package knows: joules, watts, seconds, joules per frame.

Numbers are turned into SI when they enter (chip files, ``--set``) and get a prefix
again only in reports.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

BASE_UNITS: tuple[str, ...] = ("J/frame", "J", "W", "s")
"""SI units; ``J/frame`` is energy per inference and is not interchangeable with J."""

PREFIXES: dict[str, int] = {
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "µ": -6,
    "μ": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
}
"""SI prefixes and their powers of ten; micro may be written u, µ or μ."""

_QUANTITY = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-zµμ]+(?:/frame)?)\s*"
)


def parse_unit(text: str) -> tuple[str, int]:
    """Split a unit into its SI unit and the power of ten that leads there.

    Parameters
    ----------
    text : str
        For example ``"pJ"``, ``"mW"``, ``"ms"``, ``"uJ/frame"``.

    Returns
    -------
    unit : str
        One of `BASE_UNITS`.
    exponent : int
        A number in `text` times ten to this power is in `unit`.

    Raises
    ------
    ValueError
        If the unit is not in the table. Units are case-sensitive.
    """
    for unit in BASE_UNITS:
        prefix = text.removesuffix(unit)
        if prefix != text and prefix in PREFIXES:
            return unit, PREFIXES[prefix]
    raise ValueError(
        f"unknown unit '{text}'; expected J, W, s or J/frame with an SI prefix, for "
        "example pJ, mW, us, uJ/frame"
    )


def to_si(value: float, unit: str) -> float:
    """Convert a number to SI, correctly rounded (3.52 uJ is 3.52e-06 J).

    Parameters
    ----------
    value : float
        The number as written.
    unit : str
        A unit known to `parse_unit`.

    Returns
    -------
    float, SI
        The same quantity without a prefix.
    """
    return float(Decimal(repr(float(value))).scaleb(parse_unit(unit)[1]))


def convert(value: float, unit: str, wanted: str) -> float:
    """Write a quantity in another unit.

    Parameters
    ----------
    value : float
        The number as written.
    unit, wanted : str
        Units known to `parse_unit`.

    Returns
    -------
    float
        The same quantity in `wanted`, correctly rounded.

    Raises
    ------
    ValueError
        If a unit is not in the table, or they measure different things.
    """
    (base, power), (other, wanted_power) = parse_unit(unit), parse_unit(wanted)
    if base != other:
        raise ValueError(f"'{unit}' is not a unit of {other}; expected {wanted}")
    return float(Decimal(repr(float(value))).scaleb(power - wanted_power))


def parse_quantity(text: str) -> tuple[float, str]:
    """Split text such as ``"2.3pJ"`` into its number and its unit.

    Parameters
    ----------
    text : str
        A number directly followed by a unit; blanks are allowed between them.

    Returns
    -------
    value : float
        The number as written.
    unit : str
        The unit as written, known to `parse_unit`.

    Raises
    ------
    ValueError
        If the text is not a number with a known unit.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(
            f"'{text}' is not a number with a unit; expected for example 2.3pJ"
        )
    parse_unit(match[2])
    return float(match[1]), match[2]


def format_quantity(value: float, unit: str) -> str:
    """Write an SI value with the prefix that keeps one to three digits in front.

    Parameters
    ----------
    value : float, SI
        The number.
    unit : str
        One of `BASE_UNITS`.

    Returns
    -------
    str
        For example ``"50.34 uJ/frame"``. Four significant digits.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    rounded = float(f"{value:.3e}")
    prefix = prefix_of(rounded)
    number = Decimal(repr(rounded)).scaleb(-PREFIXES[prefix])
    return f"{float(number):.4g} {prefix}{unit}"


def prefix_of(value: float) -> str:
    """Choose the prefix that leaves one to three digits in front.

    Parameters
    ----------
    value : float, SI
        Finite and not 0.

    Returns
    -------
    str
        A key of `PREFIXES`; the smallest or the largest where none is small or large
        enough.
    """
    exponent = math.floor(Decimal(repr(abs(value))).adjusted() / 3) * 3
    exponent = min(max(exponent, -15), 9)
    return next(p for p, power in PREFIXES.items() if power == exponent)
