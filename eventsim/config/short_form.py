"""The papers' short form of layers, such as ``16C5-P2-32C5-P2-800-128-10``."""

from __future__ import annotations

import re
from typing import Any

_SHORT_CONV = re.compile(r"^(\d+)C(\d+)(?:p(\d+))?(?:x([1-9]\d?))?$")
_SHORT_POOL = re.compile(r"^([PA])(\d+)$")
_SHORT_DROPOUT = re.compile(r"^D(0?\.\d+)?$")
_KINDS = {"P": "earliest", "A": "average"}


def expand_layers(value: Any) -> Any:
    """Return layers as a list if they are in short form, else unchanged.

    Parameters
    ----------
    value : object
        What the YAML file holds; a single number is a single dense layer.

    Returns
    -------
    object
        A list of dicts, or `value`.

    Raises
    ------
    ValueError
        If the short form is not understood.
    """
    if isinstance(value, str) or type(value) is int:
        return parse_short_form(str(value))
    return value


def parse_short_form(text: str) -> list[dict[str, Any]]:
    """Turn the papers' short form into a list of layers.

    Parameters
    ----------
    text : str
        For example ``"16C5-P2-800-10"``: 16 channels with a 5 x 5 kernel, 2 x 2
        pooling of the earliest spike (``A2``: average), 800 units, 10 units.
        ``16C5p2`` pads the map by 2 on each side, ``256C3p1x3`` is three such
        layers (at most 99). ``D`` or ``D0.2`` is dropout.

    Returns
    -------
    list of dict
        Layers as they could stand in the YAML file.

    Raises
    ------
    ValueError
        If a part is not understood.
    """
    layers: list[dict[str, Any]] = []
    for part in text.split("-"):
        if match := _SHORT_CONV.match(part):
            channels, kernel, padding, times = match.groups()
            conv = {"type": "conv2d", "channels": int(channels), "kernel": int(kernel)}
            if padding is not None:
                conv["padding"] = int(padding)
            layers += [dict(conv) for _ in range(int(times or 1))]
        elif match := _SHORT_POOL.match(part):
            pool = {"type": "pool", "size": int(match.group(2))}
            kind = _KINDS[match.group(1)]
            layers.append(pool if kind == "earliest" else {**pool, "kind": kind})
        elif match := _SHORT_DROPOUT.match(part):
            rate = {"rate": float(match.group(1))} if match.group(1) else {}
            layers.append({"type": "dropout", **rate})
        elif part.isdecimal():
            layers.append({"type": "dense", "units": int(part)})
        else:
            raise ValueError(
                f"'{part}' is not a layer; expected parts like 16C5 (convolution), "
                "16C5p2 (with padding 2), 16C5p2x3 (three of them), P2 (earliest-spike "
                "pool), A2 (average pool), D0.1 (dropout of a share between 0 and 1) "
                "or 800 (dense), joined by '-'"
            )
    return layers
