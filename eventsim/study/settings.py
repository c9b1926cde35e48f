"""Settings of a study of which one would silently undo the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from eventsim.config.loading import read_override
from eventsim.config.study_schema import StudyConfig
from eventsim.errors import ConfigError

OF_THE_STUDY = ("name", "description")


def require_clear_settings(
    path: str | Path, config: StudyConfig, overrides: Sequence[str] = ()
) -> None:
    """Refuse settings that would be lost, and ``--set`` of what a study has itself.

    Parameters
    ----------
    path : str or Path
        File of the study, for messages.
    config : StudyConfig
        Its content.
    overrides : sequence of str
        ``KEY=VALUE`` entries of the command line.

    Raises
    ------
    ConfigError
        If one place has a key and a part of it, a case and the grid have such keys or
        the same one, or a name or description is to be set from the command line.
    """
    for text in overrides:
        key = read_override(text).key
        if key in OF_THE_STUDY:
            raise ConfigError(
                f"--set '{text}': a study has its own {key}, and those of its runs "
                "have no effect; change it in the file; --out chooses the folder"
            )
    where = f"study '{path}'"
    grid = [(key, "grid") for key in config.grid]
    _refuse_lost(where, [(key, "set") for key in config.set])
    _refuse_lost(where, grid)
    for case in config.cases:
        name = f"set of case '{case.name}'"
        _refuse_lost(where, [*((key, name) for key in case.set), *grid])


def _refuse_lost(where: str, keys: Iterable[tuple[str, str]]) -> None:
    for (one, here), (other, there) in combinations(keys, 2):
        if one == other:
            raise ConfigError(
                f"{where}: '{one}' stands in {here} and in {there}, which would undo "
                "the former; keep one of them"
            )
        longer, shorter = sorted((one, other), key=len, reverse=True)
        if longer.startswith(f"{shorter}."):
            places = here if here == there else f"{here} and {there}"
            raise ConfigError(
                f"{where}: '{longer}' and the whole section '{shorter}' stand in "
                f"{places}, and one would undo the other; put it into the section, or "
                "name all keys one by one"
            )
