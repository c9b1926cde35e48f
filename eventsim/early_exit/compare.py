"""Early exit of several models side by side: one curve for each, as for each loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from eventsim.atomic_write import require_writable
from eventsim.early_exit.command import early_exit_model
from eventsim.early_exit.report import format_report, write_table
from eventsim.errors import ConfigError


def compare_models(
    paths: Sequence[str],
    policies: Sequence[str] = (),
    *,
    csv: str | None = None,
    plot: str | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Show what early exit does to each of several models.

    Parameters
    ----------
    paths : sequence of str
        Model files or run directories.
    policies : sequence of str
        As in `eventsim.early_exit.command.early_exit_model`.
    csv : str or None
        A file that ends with ``.csv`` gets the settings of all models, a folder a
        folder with the tables of each.
    plot : str or None
        Folder: gets a folder with the pictures of each, and two of all of them.
    **options
        Further ones of `early_exit_model`.

    Returns
    -------
    list of dict
        What `early_exit_model` returns for each, and its ``name``.

    Raises
    ------
    EventsimError
        As `early_exit_model` does; or if two models are the same.
    """
    names = model_names(paths)
    table = folder = None
    if csv is not None and csv.endswith(".csv"):
        table = Path(csv)
        require_writable(table)
    elif csv is not None:
        folder = Path(csv)
    results = []
    for name, path in zip(names, paths, strict=True):
        result = early_exit_model(
            path,
            policies,
            csv=None if folder is None else str(folder / name),
            plot=None if plot is None else str(Path(plot) / name),
            **options,
        )
        results.append({"name": name, **result})
    if table is not None:
        rows = [
            {"model": one["name"], **point}
            for one in results
            for point in one["points"]
        ]
        write_table(table, rows)
    if plot is not None:
        from eventsim.early_exit.plots import plot_comparison

        plot_comparison(Path(plot), results)
    return results


def model_names(paths: Sequence[str]) -> list[str]:
    """Return a short name for each model that no other has.

    The name of its folder; of its parents, too, as far as that is needed to tell it
    from the others (``adam/seed-0``), joined with dashes; where dashes in the names
    make two of these alike, all are numbered.
    """
    folders = [
        path.parent if path.suffix == ".h5" else path
        for path in (Path(text).resolve() for text in paths)
    ]
    repeated = [path for path in folders if folders.count(path) > 1]
    if repeated:
        raise ConfigError(
            f"early exit: '{repeated[0]}' is given more than once; expected different "
            "models"
        )
    n_parts = 1
    while len({path.parts[-n_parts:] for path in folders}) < len(folders):
        n_parts += 1
    names = ["-".join(path.parts[-n_parts:]) for path in folders]
    if len(set(names)) == len(names):
        return names
    return [f"{k}-{name}" for k, name in enumerate(names, start=1)]  # a-b/c and a/b-c


def format_comparison(results: list[dict[str, Any]]) -> str:
    """Return the reports of all models and a table of their full runs."""
    parts = [f"== {one['name']}\n{format_report(one)}" for one in results]
    rows = [
        [
            one["name"],
            f"{one['full']['accuracy']:.2%}",
            one["latency"],
            one["full"]["spikes"],
            one["full"]["sops"],
        ]
        for one in results
    ]
    headers = ["full runs", "accuracy", "99% of it at", "spikes", "SOPs"]
    table = tabulate(rows, headers=headers, floatfmt=".4g", missingval="never")
    return "\n\n".join([*parts, table])
