"""What all sections of a configuration have in common."""

from __future__ import annotations

import typing
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )

    def require_unset(self, names: Iterable[str], beside: str) -> None:
        """Refuse values that would have no effect.

        Parameters
        ----------
        names : iterable of str
            Fields with a default.
        beside : str
            What makes them idle, as in "coding 'direct'".

        Raises
        ------
        ValueError
            If one of them is not at its default.
        """
        for name in names:
            value = getattr(self, name)
            default = (
                type(self).model_fields[name].get_default(call_default_factory=True)
            )
            if value != default:
                raise ValueError(
                    f"{name} is {value}; it does not go with {beside}; leave it out"
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
