"""The command ``eventsim study``: parse, call, print, exit code."""

from __future__ import annotations

from pathlib import Path

import click


def _read_seeds(_: object, __: object, text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"'{text}' is not a list of whole numbers such as 0,1,2"
        ) from error


@click.command()
@click.argument("config", type=click.Path())
@click.option("--out", metavar="DIR", help="Folder of the study [runs/NAME].")
@click.option("--data-dir", metavar="DIR", help="Folder with the data files.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Runs at the same time [1; on a cluster: all of its workers].",
)
@click.option(
    "--backend",
    default="loky",
    show_default=True,
    metavar="NAME",
    help="Where they run: loky (processes of this machine), dask or ray.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="a.b=c",
    help="Change one setting of all runs.",
)
@click.option(
    "--seeds", callback=_read_seeds, metavar="0,1", help="Instead of those of CONFIG."
)
@click.option(
    "--list", "only_list", is_flag=True, help="Show the runs and train nothing."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write the CSV here, too.")
def study(
    config: str,
    out: str | None,
    data_dir: str | None,
    jobs: int | None,
    backend: str,
    overrides: tuple[str, ...],
    seeds: list[int] | None,
    only_list: bool,
    as_json: bool,
    csv_file: str | None,
) -> None:
    """Train every case of the study CONFIG with every seed and compare them.

    Each run is a directory DIR/CASE/seed-N as eventsim train leaves it; DIR/study.json,
    study.csv and study.png hold the results of all. The same command goes on after an
    interruption and tries failed runs again; finished runs are kept. Exits with code 1
    if a run failed.
    """
    from eventsim.atomic_write import require_writable
    from eventsim.errors import RunError
    from eventsim.study import report
    from eventsim.study.study import open_study, run_study

    opened = open_study(config, overrides=overrides, seeds=seeds, out=out)
    if csv_file is not None:
        require_writable(Path(csv_file))
    if only_list:
        if csv_file is not None:
            report.write_csv(opened, csv_file)
        click.echo(report.as_json(opened) if as_json else report.format_list(opened))
        return
    with report.StudyBar(opened, quiet=as_json) as bar:
        done = run_study(
            opened, data_dir=data_dir, jobs=jobs, backend=backend, on_run=bar.run_done
        )
    report.write_report(done, csv_file)
    if as_json:
        click.echo(report.as_json(done))
    else:
        click.echo(report.format_table(done))
        click.echo(f"written to {done.folder}: study.json, study.csv, study.png")
    n_failed = sum(run.status == "failed" for run in done.runs)
    if n_failed:
        raise RunError(
            f"study: {n_failed} of {len(done.runs)} runs failed; the same command "
            "tries them again"
        )
