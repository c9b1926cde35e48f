"""Load a configuration: read, override, check, explain."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from eventsim.config.loss_schema import LOSS_NAMES
from eventsim.config.schema import Config
from eventsim.config.section import tag_of
from eventsim.config.short_form import expand_layers
from eventsim.config.yaml_reader import read_yaml, write_yaml
from eventsim.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Setting:
    """A value for one place of a configuration.

    Parameters
    ----------
    key : str
        Dotted name of the place, such as ``"network.layers.0.units"``.
    value : object
        What to put there, as YAML holds it; a mapping replaces a whole section.
    where : str
        Who says so, for messages.
    """

    key: str
    value: Any
    where: str


def load_config(path: str | Path, overrides: Sequence[str | Setting] = ()) -> Config:
    """Read a configuration file and apply overrides.

    Parameters
    ----------
    path : str or Path
        YAML file.
    overrides : sequence of str or Setting
        Entries like ``"training.epochs=3"``, whose values are read as YAML, or the
        same already read. Later ones win.

    Returns
    -------
    Config
        Checked, with all defaults filled in.

    Raises
    ------
    ConfigError
        With the field, its value, what was expected and how to fix it.
    """
    where = f"config '{path}'"
    return parse_config(read_text(path, where), overrides, where=where)


def parse_config(
    text: str, overrides: Sequence[str | Setting] = (), *, where: str = "config"
) -> Config:
    """Check YAML text; see `load_config`."""
    raw = read_mapping(text, where)
    if "base" in raw and "network" not in raw:
        raise ConfigError(
            f"{where}: this is a study of several runs, not the configuration of one; "
            "expected a key 'network'; run it with: eventsim study FILE"
        )
    _expand_short_form(raw, where)
    for override in overrides:
        setting = read_override(override) if isinstance(override, str) else override
        _apply(raw, setting)
        _expand_short_form(raw, setting.where)
    return validated(Config, raw, where)


def read_text(path: str | Path, where: str) -> str:
    """Return the text of a file; `ConfigError`, beginning with `where`, if not."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"{where} cannot be read: {reason}; expected a YAML file"
        ) from error


def read_mapping(text: str, where: str) -> dict[str, Any]:
    """Return the keys and values of a YAML document that has some."""
    raw = read_yaml(text, where)
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{where}: got {_shorten(raw)} at the top level; expected lines of the "
            "form 'key: value'"
        )
    return raw


def validated(model: type[Model], raw: dict[str, Any], where: str) -> Model:
    """Return checked values; `ConfigError` with the first problem in one line."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error, model)}") from error


def read_override(text: str) -> Setting:
    """Read ``KEY=VALUE`` of the command line; `ConfigError` if it is not that."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"--set '{text}': expected KEY=VALUE, for example training.epochs=3"
        )
    return Setting(key.strip(), read_yaml(value, f"--set {key}"), f"--set '{text}'")


def changed_keys(before: Config, after: Config) -> list[str]:
    """Return the dotted names of all settings in which two configurations differ."""

    def differences(one: Any, two: Any, path: str) -> list[str]:
        if isinstance(one, dict) and isinstance(two, dict):
            keys = [*one, *(key for key in two if key not in one)]
            return [
                name
                for key in keys
                for name in differences(
                    one.get(key), two.get(key), f"{path}.{key}" if path else key
                )
            ]
        return [] if one == two else [path]

    return differences(before.model_dump(), after.model_dump(), "")


def config_to_yaml(config: Config) -> str:
    """Return the configuration as YAML text, defaults included."""
    return write_yaml(config.model_dump())


def _expand_short_form(raw: dict[str, Any], where: str) -> None:
    """Write the layers out, so that overrides can reach each of them."""
    network = raw.get("network")
    if isinstance(network, dict) and "layers" in network:
        try:
            network["layers"] = expand_layers(network["layers"])
        except ValueError as error:
            raise ConfigError(f"{where}: network.layers: {error}") from error


def _apply(raw: dict[str, Any], setting: Setting) -> None:
    at: Any = raw
    parts = setting.key.split(".")
    for depth, part in enumerate(parts):
        is_last = depth == len(parts) - 1
        if isinstance(at, list):
            if not part.isdecimal() or int(part) >= len(at):
                raise ConfigError(
                    f"{setting.where}: '{part}' is not a place in a list of "
                    f"{len(at)}; expected 0 to {len(at) - 1}"
                )
            index: Any = int(part)
        elif isinstance(at, dict):
            index = part
            if not is_last:
                at.setdefault(index, {})
                if at[index] is None:
                    at[index] = {}
        else:
            raise ConfigError(
                f"{setting.where}: '{'.'.join(parts[:depth])}' holds the value "
                f"{at!r}; expected a section with keys"
            )
        if is_last:
            at[index] = deepcopy(setting.value)
        else:
            at = at[index]


A_SECTION = "a section with keys"


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Put the first problem of a pydantic error into one line."""
    problems = error.errors(include_url=False)
    first = problems[0]
    where = _plain_place(first)
    kind, given = first["type"], first["input"]
    if kind == "extra_forbidden":
        allowed = _keys_at(model, first["loc"][:-1])
        key = str(first["loc"][-1])
        near = difflib.get_close_matches(key, allowed, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(allowed)}"
        message = f"unknown key '{where}'; {hint}"
    elif kind == "missing":
        message = f"'{where}' is missing; add it"
    elif kind == "union_tag_invalid":
        tags = first["ctx"]["expected_tags"].replace("'", "")
        key = "name" if where == "loss" else "type"
        message = f"{where}.{key} is '{first['ctx']['tag']}'; expected one of {tags}"
    elif kind == "union_tag_not_found":
        message = (
            f"{where} is {_shorten(given)}; expected 'type: dense' or another type"
        )
    elif kind == "value_error":
        prefix = f"{where}: " if where else ""
        value = (
            "" if isinstance(given, dict | BaseModel) else f", got {_shorten(given)}"
        )
        message = f"{prefix}{first['ctx']['error']}{value}"
    else:
        alternatives = [p for p in problems if _plain_place(p) == where]
        expected = " or ".join(dict.fromkeys(map(_expected, alternatives)))
        if expected == A_SECTION:
            expected += _example(model, first)
        message = f"{where} is {_shorten(given)}; expected {expected}"
    others = len({_plain_place(problem) for problem in problems}) - 1
    return message + (f" (and {others} more)" if others else "")


def _example(model: type[BaseModel], problem: ErrorDetails) -> str:
    """Return what may stand in a section."""
    if _plain_place(problem) == "loss":
        return f" such as {{name: {LOSS_NAMES[0]}}}"
    section = _at(model, problem["loc"])
    if not (isinstance(section, type) and issubclass(section, BaseModel)):
        return ""
    keys = list(section.model_fields)
    return f": {', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''}"


def _expected(problem: ErrorDetails) -> str:
    match problem["type"]:
        case "model_type" | "model_attributes_type" | "dict_type":
            return A_SECTION
        case "string_pattern_mismatch":
            return "letters, digits and ._+-, beginning with a letter or digit"
        case _:
            expected = problem["msg"].removeprefix("Input should be ").rstrip(".")
            return expected.replace("a valid ", "a ").replace("a int", "an int")


def _shorten(value: Any) -> str:
    """Return a value as it could stand in the file, on one short line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain_place(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in _plain_location(problem["loc"]))


def _plain_location(location: tuple[int | str, ...]) -> list[int | str]:
    """Drop the parts pydantic adds for the member of a union."""
    plain: list[int | str] = []
    for k, part in enumerate(location):
        after_index = k > 0 and isinstance(location[k - 1], int)
        is_layer_tag = after_index and part in ("dense", "conv2d", "pool", "flatten")
        is_loss_tag = location[:k] == ("loss",) and part in LOSS_NAMES
        is_type_tag = isinstance(part, str) and (
            part in ("int", "float", "str") or "[" in part
        )
        if not (is_layer_tag or is_loss_tag or is_type_tag):
            plain.append(part)
    return plain


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are allowed at a place of a file."""
    return list(_at(model, location).model_fields)


def _at(model: type[BaseModel], location: tuple[int | str, ...]) -> Any:
    """Return the type of what stands at a place of a file."""
    at: Any = model
    for part in location:
        at = _step(at, part)
    return at


def _step(at: Any, part: int | str) -> Any:
    if isinstance(at, type) and issubclass(at, BaseModel):
        return _unwrap(at.model_fields[str(part)].annotation)
    if typing.get_origin(at) is list:
        return _unwrap(typing.get_args(at)[0])
    for member in map(_unwrap, typing.get_args(at)):
        if part == tag_of(member)[1]:
            return member
    return at


def _unwrap(annotation: Any) -> Any:
    """Strip Annotated and Optional."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        members = [m for m in typing.get_args(annotation) if m is not type(None)]
        if len(members) == 1:
            return members[0]
    return annotation
