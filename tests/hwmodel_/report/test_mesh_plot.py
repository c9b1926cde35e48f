from __future__ import annotations

import numpy as np
from hwmodel_.builders import two_by_two_model

from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.mesh_plot import SIDE, mesh_figure


def example(**kwargs):
    chip = load_chip("canmore", ["core.neurons=1"])
    return estimate_model(two_by_two_model(), chip, mesh=(2, 2), **kwargs)


def figure_title(estimate):
    return mesh_figure(estimate).axes[0].get_title()


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
