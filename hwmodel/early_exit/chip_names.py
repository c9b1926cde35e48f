"""Several chips by name, with values that are set for all of them or for one."""

from __future__ import annotations

from collections.abc import Sequence

from hwmodel.chip.chip import Chip, load_chip
from hwmodel.errors import ChipError


def load_chips(names: Sequence[str], overrides: Sequence[str] = ()) -> list[Chip]:
    """Load several chips.

    Parameters
    ----------
    names : sequence of str
        Presets or YAML files.
    overrides : sequence of str
        ``FIELD=VALUE`` for every chip, or ``CHIP:FIELD=VALUE`` for one of them, as it
        is written in `names`.

    Returns
    -------
    list of Chip
        In the order of the names.

    Raises
    ------
    ChipError
        If there is no such chip, a file or an override is wrong, an override is of a
        chip that is not named, or two chips have one name.
    """
    known = list(dict.fromkeys(names))
    for item in overrides:
        path = item.partition("=")[0]
        if ":" in path and not any(item.startswith(f"{name}:") for name in known):
            raise ChipError(
                f"--set {item}: '{path.rpartition(':')[0]}' is none of the chips; "
                f"expected {', '.join(known)} before the colon, as given with --chip"
            )
    chips: list[Chip] = []
    for name in names:
        own = []
        for item in overrides:
            if item.startswith(f"{name}:"):
                own.append(item.removeprefix(f"{name}:"))
            elif ":" not in item.partition("=")[0]:
                own.append(item)
        chip = load_chip(name, own)
        if any(chip.name == other.name for other in chips):
            raise ChipError(
                f"--chip {name}: there is another chip named '{chip.name}'; expected "
                "different names; write another 'name:' into its chip file"
            )
        chips.append(chip)
    return chips
