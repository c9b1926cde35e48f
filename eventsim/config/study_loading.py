"""Load a study file and work out the configuration of each of its cases."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsim.config.loading import (
    Setting,
    load_config,
    parse_config,
    read_mapping,
    read_override,
    read_text,
    validated,
)
from eventsim.config.schema import Config
from eventsim.config.study_schema import CaseConfig, StudyConfig
from eventsim.errors import ConfigError


@dataclass(frozen=True)
class StudyCase:
    """One row of a study's table.

    Parameters
    ----------
    name : str
        Also the name of the folder of its runs.
    settings : dict
        Dotted keys and values in which it differs from the other cases.
    config : Config
        Its whole configuration; the seed is that of the base.
    published : dict
        Numbers from the literature by metric.
    """

    name: str
    settings: dict[str, Any]
    config: Config
    published: dict[str, float]


def load_study(path: str | Path) -> StudyConfig:
    """Read and check a study file.

    Parameters
    ----------
    path : str or Path
        YAML file.

    Returns
    -------
    StudyConfig
        Checked, with all defaults filled in; its base is not read yet.

    Raises
    ------
    ConfigError
        With the field, its value, what was expected and how to fix it.
    """
    where = f"study '{path}'"
    raw = read_mapping(read_text(path, where), where)
    if "base" not in raw and {"data", "network"} <= set(raw):
        raise ConfigError(
            f"{where}: this is the configuration of one run, not of a study; expected "
            f"a key 'base'; run it with: eventsim train {path}"
        )
    return validated(StudyConfig, raw, where)


def study_cases(
    path: str | Path, study: StudyConfig, overrides: Sequence[str] = ()
) -> list[StudyCase]:
    """Return all cases of a study, each with its checked configuration.

    Parameters
    ----------
    path : str or Path
        File of the study, which its base is relative to.
    study : StudyConfig
        Its content.
    overrides : sequence of str
        Entries like ``"training.epochs=1"`` for all runs; they win over the file.

    Returns
    -------
    list of StudyCase
        In the order of the file; the values of the last key of a grid vary fastest.

    Raises
    ------
    ConfigError
        If a case is wrong, has no effect, or cannot be told from another one.
    """
    base = Path(path).parent / study.base
    load_config(base)
    text = read_text(base, f"config '{base}'")
    given = [read_override(override) for override in overrides]
    for setting in given:
        if setting.key == "seed":
            raise ConfigError(
                f"{setting.where}: the seeds of a study are a list; use --seeds"
            )
    fixed = _settings(study.set, f"study '{path}', set")
    cases = []
    for name, settings, published in _combinations(path, study):
        where = f"study '{path}', case '{name}'"
        own = _settings(settings, where)
        config = parse_config(text, [*fixed, *own, *given], where=where)
        cases.append(StudyCase(name, settings, config, published))
    _refuse_unknown_published(path, study, cases)
    _refuse_twins(path, cases)
    return cases


def _settings(values: dict[str, Any], where: str) -> list[Setting]:
    return [Setting(key, value, f"{where}: {key}") for key, value in values.items()]


def _combinations(
    path: str | Path, study: StudyConfig
) -> list[tuple[str, dict[str, Any], dict[str, float]]]:
    """Return name, settings and published numbers of every case."""
    points = [
        dict(zip(study.grid, values, strict=True))
        for values in itertools.product(*study.grid.values())
    ]
    found = []
    for case in study.cases or [CaseConfig(name="base")]:
        for point in points:
            parts = [case.name] if study.cases or not point else []
            name = ",".join(parts + [_label(study, *item) for item in point.items()])
            value = study.published.get(name, case.published)
            published = {} if value is None else study.published_numbers(value)
            found.append((name, {**case.set, **point}, published))
    names = [name.lower() for name, *_ in found]  # folders may not tell case apart
    for name, *_ in found:
        if names.count(name.lower()) > 1:
            raise ConfigError(
                f"study '{path}': two cases would have the name '{name}'; expected "
                "names that differ; give them names of their own under 'cases'"
            )
    return found


def _label(study: StudyConfig, key: str, value: Any) -> str:
    """Return ``beta=2`` for a value of a grid, fit for the name of a folder."""
    last = key.rpartition(".")[2]
    is_clear = sum(other.rpartition(".")[2] == last for other in study.grid) == 1
    if isinstance(value, dict | list):
        text = f"choice{study.grid[key].index(value) + 1}"
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "null"}[value]
    else:
        text = re.sub(r"[^\w.+-]+", "_", str(value))
    return f"{last if is_clear else key}={text}"


def _refuse_unknown_published(
    path: str | Path, study: StudyConfig, cases: list[StudyCase]
) -> None:
    names = [case.name for case in cases]
    for name in study.published:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {names}"
            raise ConfigError(
                f"study '{path}': published has a number for the case '{name}', which "
                f"does not exist; {hint}"
            )


def _refuse_twins(path: str | Path, cases: list[StudyCase]) -> None:
    """Two names for the same configuration are a mistake."""
    for one, other in itertools.combinations(cases, 2):
        if one.config == other.config:
            raise ConfigError(
                f"study '{path}': the cases '{one.name}' and '{other.name}' have the "
                "same configuration; expected settings that differ; look for a "
                "setting that repeats the base or is overridden by --set"
            )
