from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import close, conv_model, dense_model, two_by_two_model

from eventsim.errors import RunError
from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.plots import (
    SIDE,
    energy_figure,
    joule_prefix,
    mesh_figure,
    plot_estimate,
    sensitivity_figure,
)

PNG = b"\x89PNG\r\n\x1a\n"


def example(name="canmore", **kwargs):
    chip = load_chip(name, ["core.neurons=1"])
    return estimate_model(two_by_two_model(), chip, mesh=(2, 2), **kwargs)


def figure_title(estimate):
    return mesh_figure(estimate).get_suptitle()


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


def test_mesh_figure__draws_every_core_and_used_link():
    estimate = example(input_port=(1, 1))
    axes = mesh_figure(estimate).axes[0]
    texts = sorted(text.get_text() for text in axes.texts)
    assert texts == ["1", "2", "2", "2"]
    loads = estimate.counts.multicast
    used = np.count_nonzero(loads.packets)
    (arrows,) = [c for c in axes.collections if hasattr(c, "U")]
    assert arrows.U.size == used


def test_mesh_figure__links_over_the_border_leave_it():
    # a core a router, 3 x 3: hidden (0, 0), outputs (1, 0), (2, 0), (0, 1); the input's
    # way from (2, 2) to (0, 0) leaves at the lower right, that to (2, 0) at the left
    chip = load_chip("spinnaker", ["core.neurons=1", "mesh.cores_per_router=1"])
    estimate = estimate_model(two_by_two_model(), chip, mesh=(3, 3), input_port=(2, 2))
    axes = mesh_figure(estimate).axes[0]
    (arrows,) = [c for c in axes.collections if hasattr(c, "U")]
    tips = arrows.XY + np.stack([arrows.U, arrows.V], axis=1)
    (x_low, x_high), (y_high, y_low) = axes.get_xlim(), axes.get_ylim()
    assert (tips > [x_low, y_low]).all()
    assert (tips < [x_high, y_high]).all()
    assert (np.hypot(arrows.U, arrows.V) < 1).all()
    leaves = np.abs(tips - 1) > 1.5
    assert tips[leaves[:, 0] & leaves[:, 1]].round().tolist() == [[3, 3]]
    assert tips[leaves[:, 0] & ~leaves[:, 1]].round().tolist() == [[-1, 0]]
    assert leaves.any(axis=1).sum() == 2
    assert "over the border" in figure_title(estimate)


def test_mesh_figure__a_mesh_has_no_links_over_the_border():
    assert "over the border" not in figure_title(example())


def test_mesh_figure__cores_of_one_router_lie_side_by_side():
    chip = load_chip("spinnaker", ["core.neurons=1"])
    estimate = estimate_model(two_by_two_model(), chip)
    axes = mesh_figure(estimate).axes[0]
    places = [text.get_position() for text in axes.texts]
    assert len(places) == len(set(places)) == 4
    # all inside the square of router (0, 0), 4 of them in its first row
    assert np.abs(places).max() < SIDE / 2
    assert len({y for _, y in places}) == 1


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


@pytest.mark.parametrize(
    ("joules", "prefix", "unit"),
    [(0.0, "", 1.0), (2e-9, "n", 1e-9), (9.99e-7, "n", 1e-9), (1e-6, "u", 1e-6),
     (3e-18, "f", 1e-15), (4e12, "G", 1e9)],
)  # fmt: skip
def test_joule_prefix__leaves_one_to_a_thousand_where_there_is_one(
    joules, prefix, unit
):
    assert joule_prefix(joules) == (prefix, close(unit))
