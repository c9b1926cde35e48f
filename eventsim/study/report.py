"""What a study showed: table, JSON, CSV and the picture, and its progress."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate
from tqdm import tqdm

import eventsim
from eventsim.atomic_write import replacing
from eventsim.config.study_loading import StudyCase
from eventsim.jit import is_first_start
from eventsim.progress import say
from eventsim.study.runs import StudyRun
from eventsim.study.study import Study


@dataclass(frozen=True)
class Spread:
    """A metric of one case over the seeds.

    Parameters
    ----------
    values : list of float
        Of the finished runs that have it, in the order of the seeds.
    """

    values: list[float]

    @property
    def mean(self) -> float | None:
        """Their mean; None if there is none, NaN if one is not finite."""
        if not self._is_finite:
            return math.nan
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """Their sample standard deviation (divisor n - 1); None for fewer than two."""
        if not self._is_finite or len(self.values) < 2:
            return None
        return statistics.stdev(self.values)

    @property
    def _is_finite(self) -> bool:
        return all(map(math.isfinite, self.values))


def runs_of(study: Study, case: StudyCase) -> list[StudyRun]:
    """Return the runs of a case in the order of the seeds."""
    return [run for run in study.runs if run.case == case.name]


def spread_of(study: Study, case: StudyCase, metric: str) -> Spread:
    """Return a metric of a case over its finished runs."""
    found = [(run.summary or {}).get(metric) for run in runs_of(study, case)]
    return Spread([float(value) for value in found if value is not None])


def format_table(study: Study) -> str:
    """Return the table of a study, failed runs and notes for people.

    Parameters
    ----------
    study : Study
        From `eventsim.study.run_study`.

    Returns
    -------
    str
        A row per case: number of finished runs, and for each metric mean and sample
        standard deviation over the seeds beside the published number, if there is any.
        Accuracies are in percent.
    """
    config = study.config
    shown = [m for m in config.metrics if any(m in c.published for c in study.cases)]
    header = ["case", "n"]
    for metric in config.metrics:
        unit = ", %" if _is_share(metric) else ""
        header.append(f"{metric}{unit}")
        header += [f"published{unit}"] if metric in shown else []
    rows = []
    for case in study.cases:
        n = sum(run.status == "finished" for run in runs_of(study, case))
        row = [case.name, str(n)]
        for metric in config.metrics:
            row.append(_mean_and_std(metric, spread_of(study, case, metric)))
            if metric in shown:
                row.append(_number(metric, case.published.get(metric)))
        rows.append(row)
    lines = [
        f"{config.name}: mean ± standard deviation over {len(config.seeds)} seed"
        f"{'' if len(config.seeds) == 1 else 's'}"
    ]
    lines.append(tabulate(rows, header, disable_numparse=True))
    if config.reference and shown:
        lines.append(f"published: {config.reference}")
    lines += _failures(study)
    return "\n".join(lines + [f"NOTE: {note}" for note in _notes(study)])


def format_list(study: Study) -> str:
    """Return a line per run: how far it is, metrics and folder; then the failures."""
    rows = [
        [
            run.case,
            str(run.seed),
            run.status,
            *(_number(m, (run.summary or {}).get(m)) for m in study.config.metrics),
            str(run.folder),
        ]
        for run in study.runs
    ]
    metrics = [m + (", %" if _is_share(m) else "") for m in study.config.metrics]
    header = ["case", "seed", "status", *metrics, "folder"]
    table = tabulate(rows, header, disable_numparse=True)
    return "\n".join([table, *_failures(study)])


def _failures(study: Study) -> list[str]:
    return [
        f"FAILED {run.case}, seed {run.seed}: {run.error}"
        for run in study.runs
        if run.status == "failed"
    ]


def study_record(study: Study) -> dict[str, Any]:
    """Return everything about a study as plain lists and dicts, for JSON.

    Parameters
    ----------
    study : Study
        At any stage.

    Returns
    -------
    dict
        Numbers are in the units of ``summary.json``; what there is not is null.
    """
    config = study.config
    cases = []
    for case in study.cases:
        spreads = {m: spread_of(study, case, m) for m in config.metrics}
        runs = [
            {
                "seed": run.seed,
                "status": run.status,
                "folder": run.folder.relative_to(study.folder).as_posix(),
                "error": run.error or None,
                "version": (run.summary or {}).get("version"),
                **{m: (run.summary or {}).get(m) for m in config.metrics},
            }
            for run in runs_of(study, case)
        ]
        cases.append(
            {
                "case": case.name,
                "settings": case.settings,
                "n": sum(run["status"] == "finished" for run in runs),
                "mean": {m: spread.mean for m, spread in spreads.items()},
                "std": {m: spread.std for m, spread in spreads.items()},
                "published": case.published,
                "runs": runs,
            }
        )
    return {
        "name": config.name,
        "description": config.description,
        "base": config.base,
        "set": config.set,
        "overrides": list(study.overrides),
        "folder": study.folder.as_posix(),
        "data_dir": study.data_dir,
        "metrics": config.metrics,
        "seeds": config.seeds,
        "reference": config.reference,
        "version": eventsim.__version__,
        "notes": _notes(study),
        "cases": cases,
    }


def format_csv(study: Study) -> str:
    """Return a row per run: case, seed, status, settings, metrics, published, error."""
    metrics = study.config.metrics
    keys = list(dict.fromkeys(key for case in study.cases for key in case.settings))
    shown = [m for m in metrics if any(m in case.published for case in study.cases)]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    published = [f"published_{metric}" for metric in shown]
    table.writerow(
        ["case", "seed", "status", *keys, *metrics, *published, "folder", "error"]
    )
    for case in study.cases:
        settings = [_cell(case.settings[k]) if k in case.settings else "" for k in keys]
        for run in runs_of(study, case):
            table.writerow(
                [case.name, run.seed, run.status, *settings]
                + [(run.summary or {}).get(metric) for metric in metrics]
                + [case.published.get(metric) for metric in shown]
                + [run.folder.relative_to(study.folder).as_posix(), run.error]
            )
    return text.getvalue()


def write_report(study: Study, csv_file: str | None = None) -> None:
    """Write ``study.json``, ``study.csv`` and ``study.png``, each in one go.

    Parameters
    ----------
    study : Study
        Finished.
    csv_file : str, optional
        Where to write the CSV too.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    from eventsim.study.plot import plot_study

    _write(study.folder / "study.json", as_json(study))
    _write(study.folder / "study.csv", format_csv(study))
    spreads = {
        metric: [spread_of(study, case, metric).values for case in study.cases]
        for metric in study.config.metrics
    }
    plot_study(study.folder / "study.png", study.config, study.cases, spreads)
    if csv_file is not None:  # last: the study has its own files whatever happens here
        write_csv(study, csv_file)


def write_csv(study: Study, csv_file: str) -> None:
    """Write what `format_csv` returns; `RunError` if that is not possible."""
    _write(Path(csv_file), format_csv(study))


def as_json(study: Study) -> str:
    """Return what `study_record` returns as JSON text; what is not finite is null."""
    return json.dumps(_finite(study_record(study)), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    is_lost = isinstance(value, float) and not math.isfinite(value)
    return None if is_lost else value


class StudyBar:
    """One progress bar over all runs, and a line for each that ended."""

    def __init__(self, study: Study, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._metrics = study.config.metrics
        self._n_runs = len(study.runs)
        self._n_done = sum(run.status == "finished" for run in study.runs)
        if self._n_done and not quiet:
            say(f"{self._n_done} of {self._n_runs} runs were finished before")
        if self._n_done < self._n_runs and not quiet and is_first_start():
            say("first start: compiling kernels, once, for about half a minute ...")
        self._bar = tqdm(
            total=self._n_runs,
            initial=self._n_done,
            desc=study.config.name,
            unit="run",
            leave=False,
            disable=True if quiet else None,
        )

    def __enter__(self) -> StudyBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def run_done(self, run: StudyRun) -> None:
        """Tell about a run that finished or failed."""
        self._n_done += 1
        if self._quiet:
            return
        told = ", ".join(
            f"{m} {_number(m, (run.summary or {}).get(m))}{' %' * _is_share(m)}"
            for m in self._metrics
        )
        if run.status == "failed":
            told = f"FAILED: {run.error}"
        say(f"[{self._n_done}/{self._n_runs}] {run.case}, seed {run.seed}: {told}")
        self._bar.update()


def _is_share(metric: str) -> bool:
    return metric.endswith("accuracy")


def _number(metric: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.2f}" if _is_share(metric) else f"{value:.4g}"


def _mean_and_std(metric: str, spread: Spread) -> str:
    """Write mean and deviation with as many decimals as two digits of the latter."""
    mean, std = spread.mean, spread.std
    if mean is None or std is None:
        return _number(metric, mean)
    if _is_share(metric):
        return f"{100 * mean:.2f} ± {100 * std:.2f}"
    if std == 0:
        return f"{mean:.4g} ± 0"
    decimals = max(0, 1 - math.floor(math.log10(std)))
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def _notes(study: Study) -> list[str]:
    """Return what data sets have to say, once each, and of how many runs."""
    finished = [run.summary for run in study.runs if run.summary is not None]
    found = [str(s["dataset_note"]) for s in finished if s.get("dataset_note")]
    return [
        f"{note} ({found.count(note)} of {len(finished)} runs)"
        for note in dict.fromkeys(found)
    ]


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
