from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import close, conv_model, dense_model, two_by_two_model

from eventsim.errors import RunError
from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.plots import energy_figure, plot_estimate, sensitivity_figure

PNG = b"\x89PNG\r\n\x1a\n"


def example(name="canmore", **kwargs):
    chip = load_chip(name, ["core.neurons=1"])
    return estimate_model(two_by_two_model(), chip, mesh=(2, 2), **kwargs)


def test_plot_estimate__writes_two_pictures(tmp_path):
    paths = plot_estimate(example(), tmp_path / "new")
    assert [path.name for path in paths] == ["energy.png", "mesh.png"]
    assert all(path.read_bytes().startswith(PNG) for path in paths)


def test_plot_estimate__a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "plots").write_text("not a folder")
    with pytest.raises(RunError, match="cannot write"):
        plot_estimate(example(), tmp_path / "plots")


def test_energy_figure__bars_are_the_breakdown():
    estimate = example()
    (axes,) = energy_figure(estimate).axes
    sop, hop, static = ([bar.get_width() for bar in bars] for bars in axes.containers)
    unit = 1e-6
    assert sum(sop) * unit == close(estimate.energy.sop)
    assert sum(hop) * unit == close(estimate.energy.hop)
    assert static[-1] * unit == close(estimate.energy.static)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["layer_1 (dense)", "layer_2 (dense)", "static"]


def test_energy_figure__shows_other_events_of_chips_that_price_them():
    estimate = example("spinnaker")
    (axes,) = energy_figure(estimate).axes
    bars = {c.get_label(): [bar.get_width() for bar in c] for c in axes.containers}
    assert list(bars) == ["synaptic operations", "hops", "other events", "static"]
    energy = estimate.energy
    unit = energy.static / bars["static"][-1]
    assert sum(sum(widths) for widths in bars.values()) * unit == close(energy.total)
    other = energy.neuron_update + energy.router
    assert sum(bars["other events"]) * unit == close(other)


def test_sensitivity_figure__a_bar_reaches_from_the_least_to_the_greatest_total():
    estimate = example("loihi")
    (axes,) = sensitivity_figure(estimate).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    swings = [s for s in estimate.uncertainty.swings if s.width > 0]
    assert labels == [s.constant for s in swings]
    assert labels[0] == "energy.neuron_update"
    total = estimate.energy.total
    (prefix,) = (p for p in "fpnum" if f"({p}J)" in axes.get_xlabel())
    unit = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3}[prefix]
    for row, swing in enumerate(swings):
        bars = axes.containers[2 * row : 2 * row + 2]
        ends = [bar.get_x() + bar.get_width() for (bar,) in bars]
        assert [end * unit for end in ends] == [close(swing.low), close(swing.high)]
        assert all(bar.get_x() * unit == close(total) for (bar,) in bars)


@pytest.mark.parametrize(
    "model",
    [
        dense_model([3, 2], np.random.default_rng(0)),
        dense_model([9, 8, 3], np.random.default_rng(0), max_spikes=1),
        conv_model(np.random.default_rng(0)),
    ],
    ids=["one core", "silent", "conv"],
)
def test_plot_estimate__copes_with_any_size(tmp_path, model):
    estimate = estimate_model(model, load_chip("canmore", ["core.neurons=14"]))
    assert len(plot_estimate(estimate, tmp_path)) == 2
