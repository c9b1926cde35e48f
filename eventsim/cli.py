"""The command ``eventsim``: parse, call, print, exit code. No logic."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from eventsim import __version__
from eventsim.early_exit_command import early_exit
from eventsim.quantise_command import quantise
from eventsim.study.command import study

EXIT_INTERRUPTED = 130

max_spikes_option = click.option(
    "--max-spikes",
    default=50_000_000,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Stop if there are more spikes to write.",
)

max_events_option = click.option(
    "--max-events",
    default=100_000_000,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Queue engine: stop if a sample has more arrivals and spikes.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eventsim")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train and run spiking networks with exact spike times.

    Start with: eventsim train examples/mnist_ttfs.yaml
    """


@cli.command()
@click.argument("config", required=False, type=click.Path())
@click.option("--out", metavar="DIR", help="Run directory [runs/NAME].")
@click.option("--data-dir", metavar="DIR", help="Folder with the data files.")
@click.option("--resume", metavar="DIR", help="Go on with a run that stopped.")
@click.option(
    "--set", "overrides", multiple=True, metavar="a.b=c", help="Change one setting."
)
@click.option("--seed", type=int, help="Short for --set seed=N.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def train(
    config: str | None,
    out: str | None,
    data_dir: str | None,
    resume: str | None,
    overrides: tuple[str, ...],
    seed: int | None,
    as_json: bool,
) -> None:
    """Train the network of CONFIG and write a run directory.

    The directory holds config.yaml, model.h5, metrics.jsonl, summary.json,
    checkpoint.h5 and plots/.
    """
    from eventsim.run import train_run

    if seed is not None:
        overrides = (*overrides, f"seed={seed}")
    result = train_run(
        config,
        overrides=overrides,
        out=out,
        resume=resume,
        data_dir=data_dir,
        quiet=as_json,
    )
    if as_json:
        click.echo(
            json.dumps({"folder": str(result.folder), **result.summary}, indent=2)
        )
        return
    summary = result.summary
    click.echo(
        f"test accuracy {summary['test_accuracy']:.2%} on {summary['n_test']:,} "
        f"samples (epoch {summary['kept_epoch']}, kept by {summary['kept_by']}), "
        f"{summary['spikes_per_sample']:,.0f} spikes per sample, "
        f"sparsity {summary['sparsity']:.3f}"
    )
    if summary["offline_fallback"]:
        click.echo(f"NOTE: {summary['dataset_note']}")
    click.echo(f"written to {result.folder}: model.h5, summary.json, plots/")
    click.echo(f"next: hwmodel estimate {result.folder / 'model.h5'} --chip truenorth")


@cli.command()
@click.argument("model", type=click.Path())
@click.option("--data-dir", metavar="DIR", help="Folder with the data files.")
@click.option(
    "--engine",
    default="auto",
    metavar="NAME",
    help="auto, window, sweep or queue [auto].",
)
@click.option(
    "--write", is_flag=True, help="Store the measured activity in the model file."
)
@click.option(
    "--samples",
    "n_samples",
    type=click.IntRange(1),
    metavar="N",
    help="First N samples [all].",
)
@click.option(
    "--trace",
    metavar="OUT.npz",
    help="Write the spikes of all layers, 20 bytes each, and the labels.",
)
@max_spikes_option
@max_events_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(
    model: str,
    data_dir: str | None,
    engine: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure MODEL (a model.h5 or a run directory) on its test set, in float64."""
    from eventsim.model_commands import evaluate_model

    result = evaluate_model(model, data_dir, engine, quiet=as_json, **options)
    _show(result, as_json)


@cli.command()
@click.argument("model", type=click.Path())
@click.option(
    "--spikes",
    required=True,
    metavar="IN.npz",
    help="Input: arrays time, neuron and sample, and value if wanted.",
)
@click.option(
    "--out",
    required=True,
    metavar="OUT.npz",
    help="Spikes of all layers: the same arrays and layer, 0 for the input.",
)
@click.option(
    "--engine",
    default="auto",
    metavar="NAME",
    help="auto, window, sweep or queue [auto].",
)
@click.option("--t-end", type=float, metavar="T", help="End of the run.")
@click.option(
    "--layer",
    type=click.IntRange(0),
    metavar="K",
    help="Layer of IN.npz to take, if it holds several.",
)
@max_spikes_option
@max_events_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def simulate(
    model: str,
    spikes: str,
    out: str,
    engine: str,
    t_end: float | None,
    layer: int | None,
    max_spikes: int,
    max_events: int,
    as_json: bool,
) -> None:
    """Run MODEL (a model.h5 or a run directory) on the spikes of a file, in float64.

    OUT.npz is a trace: the spikes of every layer and the model they are of. It is
    written only if the run succeeds.
    """
    from eventsim.model_commands import format_simulation, simulate_model

    result = simulate_model(
        model,
        spikes,
        out,
        engine=engine,
        t_end=t_end,
        layer=layer,
        max_spikes=max_spikes,
        max_events=max_events,
        quiet=as_json,
    )
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        click.echo(format_simulation(result), err=True)


@cli.command()
@click.argument("model", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def info(model: str, as_json: bool) -> None:
    """Show what MODEL (a model.h5 or a run directory) holds."""
    from eventsim.model_description import describe_model, format_description

    description = describe_model(model)
    click.echo(
        json.dumps(description, indent=2)
        if as_json
        else format_description(description)
    )


@cli.command()
@click.argument("path", metavar="CONFIG|MODEL", type=click.Path())
@click.option("--data-dir", metavar="DIR", help="Folder with the data files.")
@click.option(
    "--set", "overrides", multiple=True, metavar="a.b=c", help="Change one setting."
)
@click.option(
    "--engine", default="auto", metavar="NAME", help="auto, window, sweep or queue."
)
@click.option(
    "--samples",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="Batch size.",
)
@click.option(
    "--entries",
    default=40,
    show_default=True,
    type=click.IntRange(1),
    help="Derivatives checked per layer and kind.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def gradcheck(
    path: str,
    data_dir: str | None,
    overrides: tuple[str, ...],
    engine: str,
    samples: int,
    entries: int,
    as_json: bool,
) -> None:
    """Compare analytic derivatives with central differences in float64.

    Every layer is checked at --entries weights, the largest derivatives first, and
    along one direction through all of them; with static thresholds so are thresholds,
    currents, delays, time constants and refractory periods. Exits with code 1 if the
    worst relative error is above 1e-6 or something could not be checked.
    """
    from eventsim.gradcheck.command import check_gradients

    report, text = check_gradients(path, data_dir, overrides, engine, samples, entries)
    click.echo(json.dumps(report, indent=2) if as_json else text)
    if not report["passed"]:
        raise SystemExit(1)


@cli.command("config-schema")
@click.option("--study", "of_study", is_flag=True, help="That of study files.")
def config_schema(of_study: bool) -> None:
    """Print the JSON Schema of configuration files, for editors."""
    from eventsim.config import Config
    from eventsim.config.study_schema import StudyConfig

    section = StudyConfig if of_study else Config
    click.echo(json.dumps(section.model_json_schema(), indent=2))


cli.add_command(early_exit)
cli.add_command(quantise)
cli.add_command(study)


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(map(len, result))
    for key, value in result.items():
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        click.echo(f"{key:<{width}}  {text}")


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program name; those of the process by default.

    Returns
    -------
    int
        0: done; 1: an error, told in one line; 2: wrong usage; 130: Ctrl-C.
    """
    from eventsim.errors import EventsimError

    arguments = sys.argv[1:] if argv is None else argv
    try:
        cli.main(args=arguments, prog_name="eventsim", standalone_mode=False)
    except EventsimError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"error: {error}", err=True)
        return 1
    except MemoryError as error:
        if "--debug" in arguments:
            raise
        click.echo(
            f"error: out of memory ({error}); lower training.batch_size or make the "
            "layers smaller",
            err=True,
        )
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
