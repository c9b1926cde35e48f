"""Where chip files are, and what they hold with their ``base``.

A file may extend another one and say what differs. A constant is replaced as a whole,
so that no number keeps a unit, a kind or a source that was written for another one.
Other sections are merged key by key, and a section that changes anything names its own
source.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hwmodel.chip.yaml_reader import Loader
from hwmodel.errors import ChipError


@dataclass(frozen=True)
class ChipText:
    """The text of a chip file.

    Parameters
    ----------
    text : str
        YAML.
    where : str
        What to call the file in messages.
    path : Path or None
        The file; None for presets.
    """

    text: str
    where: str
    path: Path | None = None


def preset_names() -> list[str]:
    """List the chips that come with this package.

    Returns
    -------
    list of str
        Names, sorted.
    """
    folder = resources.files("hwmodel") / "chips"
    files = (entry.name for entry in folder.iterdir())
    return sorted(n.removesuffix(".yaml") for n in files if n.endswith(".yaml"))


def find_chip(name: str | Path, folder: Path | None = None) -> ChipText:
    """Find a preset or a chip file.

    Parameters
    ----------
    name : str or Path
        Name of a preset or path of a YAML file.
    folder : Path or None
        Where a relative path begins; the current folder by default.

    Returns
    -------
    ChipText
        Its content.

    Raises
    ------
    ChipError
        If there is no such preset or file, or it cannot be read.
    """
    presets = preset_names()
    if str(name) in presets:
        file = resources.files("hwmodel") / "chips" / f"{name}.yaml"
        return ChipText(file.read_text("utf-8"), f"chip {name}")
    path = Path(name) if folder is None else folder / name
    if path.is_file():
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ChipError(
                f"chip file '{path}' cannot be read ({error}); expected YAML text"
            ) from error
        return ChipText(text, f"chip file '{path}'", path.resolve())
    if path.suffix in (".yaml", ".yml"):
        raise ChipError(
            f"chip file '{path}' does not exist; expected a YAML file or the name of a "
            "preset, see 'hwmodel chips'"
        )
    near = difflib.get_close_matches(str(name), presets, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise ChipError(
        f"unknown chip '{name}'; expected a YAML file or one of the presets "
        f"{', '.join(presets)}{hint}"
    )


def read_chip(
    file: ChipText, whole: Collection[str], above: tuple[Path | None, ...] = ()
) -> dict[str, Any]:
    """Read a chip file, and put what it says over what its base says.

    Parameters
    ----------
    file : ChipText
        The file.
    whole : collection of str
        Dotted names of the sections that are replaced as a whole.
    above : tuple of Path or None
        Files that extend this one, whose base it must not have.

    Returns
    -------
    dict
        What a file without a base would hold.

    Raises
    ------
    ChipError
        If the text is not YAML with keys, there is no such base, files are the base of
        each other, or a name or a source is missing.
    """
    own = _mapping(file)
    if "base" not in own:
        return own
    name = own.pop("base")
    base = _base_of(file, name, own)
    above = (*above, file.path)
    if base.path is not None and base.path in above:
        raise ChipError(
            f"{file.where}: base '{name}' extends this file in turn; expected a chain "
            "that ends at a file without a base"
        )
    return _over(read_chip(base, whole, above), own, file.where, whole)


def _mapping(file: ChipText) -> dict[str, Any]:
    try:
        raw = yaml.load(file.text, Loader=Loader)
    except (yaml.YAMLError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ChipError(f"{file.where} is not valid YAML ({reason})") from error
    if not isinstance(raw, dict):
        raise ChipError(
            f"{file.where} holds no keys; expected name, mesh, core, energy, ..."
        )
    return raw


def _base_of(file: ChipText, name: Any, own: dict[str, Any]) -> ChipText:
    if not isinstance(name, str) or not name:
        raise ChipError(
            f"{file.where}: base is {name!r}; expected the name of a preset or the "
            "path of a chip file"
        )
    if "name" not in own:
        raise ChipError(
            f"{file.where}: it extends '{name}' and has no name; expected one of its "
            "own; add name"
        )
    try:
        return find_chip(name, None if file.path is None else file.path.parent)
    except ChipError as error:
        raise ChipError(f"{file.where}: base: {error}") from error


def _over(
    below: dict[str, Any],
    own: dict[str, Any],
    where: str,
    whole: Collection[str],
    path: str = "",
) -> dict[str, Any]:
    merged = dict(below)
    for key, value in own.items():
        place, old = f"{path}{key}", below.get(key)
        if place in whole or not (isinstance(value, dict) and isinstance(old, dict)):
            merged[key] = value
            continue
        if "source" in old and "source" not in value:
            raise ChipError(
                f"{where}: {place} differs from its base and has no source; expected "
                f"where its numbers come from; add {place}.source"
            )
        merged[key] = _over(old, value, where, whole, f"{place}.")
    return merged
