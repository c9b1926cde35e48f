"""What the command ``gradcheck`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from eventsim.batches import encode_inputs
from eventsim.build import build_network
from eventsim.config import Config, load_config
from eventsim.datasets import Dataset
from eventsim.errors import ConfigError
from eventsim.gradcheck.check import gradcheck
from eventsim.model_file import read_model
from eventsim.network import Network
from eventsim.run import load_run_dataset
from eventsim.trained_model import config_of, require_fit
from eventsim.training import start_training

TOLERANCE = 1e-6


def _before_training(config: Config, dataset: Dataset) -> Network:
    """Return the network that training would begin with."""
    training = config.training
    if training.standardise is None and training.target_rate is None:
        return build_network(config, dataset.input_shape, dataset.n_classes)
    return start_training(config, dataset).network


def check_gradients(
    path: str,
    data_dir: str | None,
    overrides: Sequence[str],
    engine: str,
    n_samples: int,
    n_entries: int,
) -> tuple[dict[str, Any], str]:
    """Check the gradients of a configuration's network or of a model.

    A configuration's network is that of training before the first update.

    Parameters
    ----------
    path : str
        Configuration file, model file or run directory.
    data_dir : str or None
        Folder with the data files.
    overrides : sequence of str
        ``KEY=VALUE`` entries; only for a configuration file.
    engine : str
        ``"auto"``, ``"window"``, ``"sweep"`` or ``"queue"``.
    n_samples, n_entries : int
        Batch size; derivatives per layer, and per layer and kind of parameter.

    Returns
    -------
    report : dict
        Worst relative error per layer, and per kind of parameter with static
        thresholds, and whether all are below 1e-6.
    text : str
        The same as a table.
    """
    is_config = Path(path).suffix in (".yaml", ".yml")
    if is_config:
        config = load_config(path, overrides)
        dataset = load_run_dataset(config, data_dir)
        network = _before_training(config, dataset)
    else:
        if overrides:
            raise ConfigError("gradcheck: --set goes with a CONFIG file, not a MODEL")
        model = read_model(path)
        config = config_of(path, model)
        dataset = load_run_dataset(config, data_dir)
        network = model.network
        require_fit(path, network, dataset.input_shape, config)
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
    worst = report.worst_relative_error
    result = {
        "engine": report.engine,
        "n_samples": len(part),
        "loss": report.loss,
        "worst_relative_error": worst,
        "tolerance": TOLERANCE,
        "passed": worst <= TOLERANCE and not report.unchecked,
        "unchecked": list(report.unchecked),
        "without_effect": list(report.without_effect),
        "layers": [dict(vars(check)) for check in report.layers],
        "parameters": [dict(vars(check)) for check in report.parameters],
        "note": report.note,
    }
    return result, _gradcheck_text(result)


def _gradcheck_text(result: dict[str, Any]) -> str:
    """Return the report of `check_gradients` as a table and a verdict."""
    table = tabulate(
        [list(row.values()) for row in result["layers"] + result["parameters"]],
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
    if result["without_effect"]:
        verdict += f" (without effect here: {', '.join(result['without_effect'])})"
    return (
        f"{table}\n\n{verdict}: worst relative error "
        f"{result['worst_relative_error']:.2e}, tolerance {TOLERANCE:.0e}; engine "
        f"{result['engine']}, {result['n_samples']} samples. {result['note']}"
    )
