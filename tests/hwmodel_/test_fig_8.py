from __future__ import annotations

from pathlib import Path

import pytest
from hwmodel_.builders import close

from hwmodel import fig_8 as module
from hwmodel.fig_8 import VGG11, VGG16, PaperNetwork, declaration, fig_8
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import place_row_major
from hwmodel.workload.declared import from_declaration, read_declared

EXAMPLES = Path(__file__).parents[2] / "examples" / "workloads"


@pytest.fixture(scope="module")
def readings():
    return fig_8()


def along(axis, readings):
    return [r for r in readings if r.partition == f"along {axis}"]


@pytest.mark.parametrize("network", [VGG11, VGG16], ids=lambda network: network.name)
def test_declaration__is_the_example(network):
    path = EXAMPLES / f"{network.name.lower()}_cifar10.yaml"
    ours, example = from_declaration(declaration(network, "any")), read_declared(path)
    assert [layer.topology for layer in ours.layers] == [
        layer.topology for layer in example.layers
    ]
    assert (ours.windows, ours.n_samples) == (example.windows, example.n_samples)
    for name in ("spikes_in", "spikes_out"):
        for a, b in zip(getattr(ours, name), getattr(example, name), strict=True):
            assert a.tolist() == b.tolist()


def test_fig_8__each_spike_reaches_all_cores_of_the_next_layer(readings):
    # neurons that send (after the pool) x cores that hold the next layer
    pairs = [
        (16 * 16 * 64, 32),
        (8 * 8 * 128, 16),
        (8 * 8 * 256, 16),
        (4 * 4 * 256, 8),
        (4 * 4 * 512, 8),
        (2 * 2 * 512, 2),
        (2 * 2 * 512, 2),
        (1 * 1 * 512, 4),
        (4096, 4),
        (4096, 1),
    ]
    (least,) = [
        r
        for r in along("features", readings)
        if (r.network, r.after_pool, r.casting) == ("VGG11", "same", "least")
    ]
    expected = 0.4387 * sum(neurons * cores for neurons, cores in pairs)
    assert least.hops == pytest.approx(expected, rel=1e-12)
    assert least.input_hops == 3072 * 63  # one of 64 cores may lie at the port
    # 459,110 x 100 pJ + 70,084.1 x 20 pJ + 3.52 uJ
    assert least.per_spike == pytest.approx(50.83e-6, abs=5e-9)


def test_fig_8__no_placement_beats_the_least(readings):
    for network in ("VGG11", "VGG16"):
        for after_pool in ("any", "same"):
            for axis in ("features", "space"):
                rows = [
                    r
                    for r in along(axis, readings)
                    if (r.network, r.after_pool) == (network, after_pool)
                ]
                (least,) = [r.hops for r in rows if r.casting == "least"]
                multicast = {r.mesh: r.hops for r in rows if r.casting == "multicast"}
                unicast = {r.mesh: r.hops for r in rows if r.casting == "unicast"}
                assert len(multicast) == len(unicast) == 3
                assert all(least < multicast[m] < unicast[m] for m in unicast)
                (least,) = [r.input_hops for r in rows if r.casting == "least"]
                assert all(least <= r.input_hops for r in rows)


def test_fig_8__energies_are_eq_12(readings):
    for r in readings:
        hops, static = 100e-12 * r.hops, 3.52e-6
        assert r.per_spike == close(20e-12 * r.spikes + hops + static)
        assert r.per_sop == close(20e-12 * r.sops + hops + static)
        more = 100e-12 * r.input_hops
        assert r.per_spike_with_input == close(
            r.per_spike + 20e-12 * r.input_spikes + more
        )
        assert r.per_sop_with_input == close(r.per_sop + 20e-12 * r.input_sops + more)


def test_fig_8__printed_synaptic_operations_lie_between_the_pool_rules(readings):
    sops = {r.after_pool: r.sops for r in readings if r.network == "VGG11"}
    assert sops["same"] < 71e6 < sops["any"]


def test_fig_8__printed_hops_lie_between_the_pool_rules_if_cut_along_space(readings):
    hops = {
        r.after_pool: r.hops
        for r in along("space", readings)
        if (r.network, r.mesh, r.casting) == ("VGG11", "13x13", "multicast")
    }
    assert hops["same"] < 454e3 < hops["any"]


def test_fig_8__another_strategy_is_one_more_entry(monkeypatch):
    monkeypatch.setattr(module, "NETWORKS", (PaperNetwork("small", (64, 0), 0.5),))
    before = len(fig_8())
    monkeypatch.setitem(module.PARTITIONS, "again", partition)
    monkeypatch.setitem(module.PLACEMENTS, "too", place_row_major)
    rows = fig_8()
    # pool rules x partitions x (one least, and placements x meshes x castings)
    assert (before, len(rows)) == (2 * 2 * 7, 2 * 3 * 13)
    assert {(row.partition, row.placement) for row in rows} == {
        (cut, place)
        for cut in ("along features", "along space", "again")
        for place in ("any", "row-major", "too")
    }
