"""What the commands ``evaluate`` and ``gradcheck`` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from eventsim.batches import encode_inputs
from eventsim.build import build_network
from eventsim.config import Config, load_config, parse_config
from eventsim.errors import ConfigError, ModelFileError
from eventsim.evaluation import evaluate, sparsity
from eventsim.gradcheck import gradcheck
from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.network import Network
from eventsim.run import load_run_dataset

TOLERANCE = 1e-6


def evaluate_model(
    path: str, data_dir: str | None, engine: str, *, write: bool, quiet: bool
) -> dict[str, Any]:
    """Measure a model on the test set of its configuration, in float64.

    Parameters
    ----------
    path : str
        Model file or run directory.
    data_dir : str or None
        Folder with the data files.
    engine : str
        ``"auto"``, ``"window"`` or ``"sweep"``.
    write : bool
        Store the measured activity in the model file.
    quiet : bool
        No progress bar.

    Returns
    -------
    dict
        Accuracy, loss, decision time, spikes and sparsity.

    Raises
    ------
    EventsimError
        If the model has no configuration, or the data do not fit.
    """
    model = read_model(path)
    config = _config_of(path, model)
    dataset = load_run_dataset(config, data_dir)
    _require_fit(path, model.network, dataset.input_shape, config)
    with tqdm(
        total=len(dataset.test),
        desc="test (float64)",
        unit="sample",
        leave=False,
        disable=True if quiet else None,
    ) as bar:
        test = evaluate(
            model.network, dataset.test, config, engine=engine, on_batch=bar.update
        )
    if write:
        file = Path(path) / "model.h5" if Path(path).is_dir() else Path(path)
        activity = test.activity(model.network, "test")
        write_model(file, replace(model, activity=activity))
    spikes = sparsity(model.network, test)
    return {
        "model": str(path),
        "dataset": dataset.name,
        "dataset_source": dataset.source,
        "offline_fallback": dataset.offline_fallback,
        "n_samples": test.n_samples,
        "accuracy": test.accuracy,
        "loss": test.loss,
        "undecided": test.undecided,
        "tied": test.tied,
        "mean_decision_time": test.mean_decision_time,
        "spikes_per_sample": spikes.spikes_per_sample,
        "sparsity": spikes.all_layers,
        "sparsity_hidden": spikes.hidden,
    }


def check_gradients(
    path: str,
    data_dir: str | None,
    overrides: Sequence[str],
    engine: str,
    n_samples: int,
    n_entries: int,
) -> tuple[dict[str, Any], str]:
    """Check the gradients of a configuration's network or of a model.

    Parameters
    ----------
    path : str
        Configuration file, model file or run directory.
    data_dir : str or None
        Folder with the data files.
    overrides : sequence of str
        ``KEY=VALUE`` entries; only for a configuration file.
    engine : str
        ``"auto"``, ``"window"`` or ``"sweep"``.
    n_samples, n_entries : int
        Batch size; derivatives per layer.

    Returns
    -------
    report : dict
        Worst relative error per layer and whether all are below 1e-6.
    text : str
        The same as a table.
    """
    is_config = Path(path).suffix in (".yaml", ".yml")
    if is_config:
        config = load_config(path, overrides)
        dataset = load_run_dataset(config, data_dir)
        network = build_network(config, dataset.input_shape, dataset.n_classes)
    else:
        if overrides:
            raise ConfigError("gradcheck: --set goes with a CONFIG file, not a MODEL")
        model = read_model(path)
        config = _config_of(path, model)
        dataset = load_run_dataset(config, data_dir)
        network = model.network
        _require_fit(path, network, dataset.input_shape, config)
    part = dataset.train.take(np.arange(min(n_samples, len(dataset.train))))
    report = gradcheck(
        network,
        encode_inputs(part.inputs, config, np.float64),
        part.labels,
        config.loss,
        engine=engine,
        n_entries=n_entries,
        seed=config.seed,
    )
    rows = [vars(check) for check in report.layers]
    worst = max(check.worst_relative_error for check in report.layers)
    unchecked = [
        check.name
        for check in report.layers
        if check.n_checked == 0 or check.largest_derivative == 0
    ]
    passed = worst <= TOLERANCE and not unchecked
    result = {
        "engine": report.engine,
        "n_samples": len(part),
        "loss": report.loss,
        "worst_relative_error": worst,
        "tolerance": TOLERANCE,
        "passed": passed,
        "unchecked": unchecked,
        "layers": [dict(row) for row in rows],
        "note": report.note,
    }
    return result, _gradcheck_text(result)


def _gradcheck_text(result: dict[str, Any]) -> str:
    """Return the report of `check_gradients` as a table and a verdict."""
    table = tabulate(
        [list(row.values()) for row in result["layers"]],
        headers=[
            "derivatives of",
            "worst relative error",
            "checked",
            "skipped (kink)",
            "largest",
        ],
        floatfmt=".2e",
    )
    verdict = "passed" if result["passed"] else "FAILED"
    if result["unchecked"]:
        verdict += (
            f" (not checked: {', '.join(result['unchecked'])}: every derivative is 0 "
            "or has a kink too close by; is the layer silent?)"
        )
    return (
        f"{table}\n\n{verdict}: worst relative error "
        f"{result['worst_relative_error']:.2e}, tolerance {TOLERANCE:.0e}; engine "
        f"{result['engine']}, {result['n_samples']} samples. {result['note']}"
    )


def _config_of(path: str, model: ModelFile) -> Config:
    if not model.config:
        raise ModelFileError(
            f"model file '{path}' holds no configuration; expected one written by "
            "'eventsim train', because data set and encoding are needed"
        )
    return parse_config(model.config, where=f"configuration inside '{path}'")


def _require_fit(
    path: str, network: Network, input_shape: tuple[int, ...], config: Config
) -> None:
    bias = config.encode.bias_spikes
    encoded = (input_shape[0] + bias,) if bias else input_shape
    if network.input_shape != encoded:
        raise ModelFileError(
            f"model file '{path}' takes inputs of shape {network.input_shape}, the "
            f"data set '{config.data.name}' gives {encoded}"
        )
