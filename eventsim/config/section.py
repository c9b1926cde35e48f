"""What all sections of a configuration have in common."""

from __future__ import annotations

import typing

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )


def tag_of(section: type[BaseModel]) -> tuple[str, str]:
    """Return the key by which a section is chosen among several, and its value there.

    Parameters
    ----------
    section : type of BaseModel
        One of several sections that a field may hold.

    Returns
    -------
    key : str
        ``"type"`` or, in sections without that key, ``"name"``.
    value : str
        The only text that it may hold.
    """
    key = "type" if "type" in section.model_fields else "name"
    return key, typing.get_args(section.model_fields[key].annotation)[0]
