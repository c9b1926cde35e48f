from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import close, conv_model, dense_model, two_by_two_model

from eventsim.errors import RunError
from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.plots import energy_figure, mesh_figure, plot_estimate

PNG = b"\x89PNG\r\n\x1a\n"


def example(**kwargs):
    chip = load_chip("canmore", ["core.neurons=1"])
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


def test_mesh_figure__draws_every_core_and_used_link():
    estimate = example(input_port=(1, 1))
    axes = mesh_figure(estimate).axes[0]
    texts = sorted(text.get_text() for text in axes.texts)
    assert texts == ["1", "2", "2", "2"]
    loads = estimate.counts.multicast
    used = np.count_nonzero(loads.packets)
    (arrows,) = [c for c in axes.collections if hasattr(c, "U")]
    assert arrows.U.size == used


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
