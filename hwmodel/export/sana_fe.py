"""Write a mapped network and its spikes as files that SANA-FE reads.

SANA-FE simulates a chip in time steps, sends one packet for each spike and target core,
and prices what it counts, so it can check our unicast counts and energies. Its neurons
would fire by their own dynamics; here spikes are replayed. Each layer becomes:

- ``layerK_inputs``: one replaying neuron for each input, on the core that sends it (the
  input of the network: on a core of the host at the input port), with the synapses; if
  copies of the input's neuron send, one for each of them, with its share of the cores;
- ``layerK``: its neurons and their copies, which take in synaptic events and do not
  fire;
- ``layerK_fired``: its spikes without synapses, those of copies too, if the chip prices
  spikes fired.

References
----------
J. A. Boyle et al., "SANA-FE: Simulating Advanced Neuromorphic Architectures for Fast
Exploration", IEEE TCAD 44, 2025. The format is that of version 2.2.9.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.atomic_write import replacing
from hwmodel.chip.chip import Chip
from hwmodel.cost.places import price
from hwmodel.errors import PlacementError
from hwmodel.estimate import Estimate
from hwmodel.export.replay import ReplayRun, replay_run, spread_spikes
from hwmodel.traffic.senders import HOST


def export_sana_fe(estimate: Estimate, folder: Path) -> list[Path]:
    """Write ``architecture.yaml``, ``network.yaml`` and ``expected.json``.

    Parameters
    ----------
    estimate : Estimate
        With ``casting="unicast"``.
    folder : Path
        Made if it is missing.

    Returns
    -------
    list of Path
        The files written. ``expected.json`` holds the steps to simulate and what
        SANA-FE should find then.

    Raises
    ------
    WorkloadError
        If the network is too large, or a neuron fires more than once a step.
    PlacementError
        If the packets are not unicast on a mesh.
    RunError
        If a file cannot be written.

    Notes
    -----
    Times are not in an estimate, so a neuron's c spikes are spread over the T steps:
    spike j is in step ``floor((2 j + 1) T / (2 c))``. Counts do not depend on times.
    All measured inferences are run, less those that repeat: counts and inferences are
    divided by what divides them all.
    """
    if estimate.casting != "unicast":
        raise PlacementError(
            f"SANA-FE sends unicast packets, got an estimate with {estimate.casting}; "
            "expected casting 'unicast'; estimate again with it"
        )
    if estimate.mapping.grid.topology != "mesh":
        raise PlacementError(
            f"SANA-FE has a mesh, chip {estimate.chip.name} a "
            f"{estimate.mapping.grid.topology}; expected topology 'mesh'; export for "
            "another chip, or pass --set mesh.topology=mesh"
        )
    run = replay_run(estimate)
    texts = {
        "architecture.yaml": "\n".join(_architecture(estimate, run)),
        "network.yaml": "\n".join(_network(estimate, run)),
        "expected.json": json.dumps(_expected(estimate, run), indent=2),
    }
    for name, text in texts.items():
        with replacing(Path(folder) / name) as temporary:
            temporary.write_text(text + "\n", "utf-8")
    return [Path(folder) / name for name in texts]


def _cores_of_routers(estimate: Estimate) -> dict[tuple[int, int], list[int]]:
    """Cores of each router in order, the host's last; the mesh is cut to the used."""
    mapping, (port_x, port_y) = estimate.mapping, estimate.input_port
    width = max(int(mapping.x.max()), port_x) + 1
    height = max(int(mapping.y.max()), port_y) + 1
    cores: dict[tuple[int, int], list[int]] = {
        (x, y): [] for x in range(width) for y in range(height)
    }
    for core, place in enumerate(
        zip(mapping.x.tolist(), mapping.y.tolist(), strict=True)
    ):
        cores[place].append(core)
    cores[port_x, port_y].append(HOST)
    return cores


def _architecture(estimate: Estimate, run: ReplayRun) -> Iterator[str]:
    """Tiles are numbered column by column, as SANA-FE does."""
    routers = _cores_of_routers(estimate)
    width, height = (end + 1 for end in max(routers))
    chip = estimate.chip
    hop = price(chip, "hop") + price(chip, "router")
    hop_y = hop
    if chip.energy.hop_y is not None:
        hop_y = price(chip, "hop_y") + price(chip, "router")
    hops = {
        f"{kind}_{direction}_hop": joules if kind == "energy" else 0.0
        for direction, joules in zip(
            ("north", "east", "south", "west"), (hop_y, hop, hop_y, hop), strict=True
        )
        for kind in ("energy", "latency")
    }
    yield "architecture:"
    yield f"  name: {json.dumps(chip.name)}"
    yield (
        "  attributes: "
        f"{{topology: mesh, width: {width}, height: {height}, link_buffer_size: 16}}"
    )
    yield "  tile:"
    held = _units_held(run)
    for (x, y), cores in routers.items():
        yield f"    - name: router_{x}_{y}"
        yield f"      attributes: {_flow(hops)}"
        yield "      core:"
        for core in cores:
            yield from _core(chip, core, held)
        if not cores:  # a tile cannot be without
            yield from _core(chip, None, held)


def _units_held(run: ReplayRun) -> Counter[tuple[int | None, str]]:
    """Count the neurons of each core by their soma."""
    held: Counter[tuple[int | None, str]] = Counter()
    for group in run.groups:
        for core, n in zip(*np.unique(group.core, return_counts=True), strict=True):
            held[int(core), group.soma] += int(n)
    return held


def _core(
    chip: Chip, core: int | None, held: Counter[tuple[int | None, str]]
) -> Iterator[str]:
    """Describe the units of a core; ``None`` is one without neurons."""
    update = price(chip, "neuron_update")
    per_event = chip.execution == "event-driven"
    sop = price(chip, "sop") + (update if per_event else 0.0)
    sent = price(chip, "router") + (0.0 if core == HOST else price(chip, "axon_out"))
    name = {None: "unused", HOST: "host"}.get(core, f"core_{core}")
    yield f"        - name: {name}"
    n_neurons = sum(held[core, soma] for soma in ("sink", "sent", "fired"))
    yield (
        "          attributes: "
        f"{{buffer_position: soma, max_neurons_supported: {max(n_neurons, 1)}}}"
    )
    yield from _unit("axon_in", "in", "message_in", price(chip, "axon_in"))
    yield from _unit("synapse", "synapse", "process_spike", sop, "current_based")
    yield from _unit("dendrite", "dendrite", "update", 0.0, "accumulator")
    yield "          soma:"
    access = 0.0 if per_event else update
    yield _soma("sink", "leaky_integrate_fire", access, 0.0)
    for soma, joules in (("sent", 0.0), ("fired", price(chip, "spike"))):
        n = held[core, soma]
        if n:
            units = f"{soma}[0..{n - 1}]" if n > 1 else f"{soma}[0]"
            yield _soma(units, "input", 0.0, joules)
    yield from _unit("axon_out", "out", "message_out", sent)


def _unit(
    kind: str, name: str, action: str, joules: float, model: str | None = None
) -> list[str]:
    attributes: dict[str, Any] = {} if model is None else {"model": model}
    attributes |= {f"energy_{action}": joules, f"latency_{action}": 0.0}
    return [
        f"          {kind}:",
        f"            - name: {name}",
        f"              attributes: {_flow(attributes)}",
    ]


def _soma(name: str, model: str, access: float, spike_out: float) -> str:
    prices = {"access_neuron": access, "update_neuron": 0.0, "spike_out": spike_out}
    attributes: dict[str, Any] = {"model": model}
    for action, joules in prices.items():
        attributes |= {f"energy_{action}": joules, f"latency_{action}": 0.0}
    return (
        f"            - name: {json.dumps(name)}\n"
        f"              attributes: {_flow(attributes)}"
    )


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(v)}" for key, v in values.items()) + "}"


def _scalar(value: Any) -> str:
    """Write a number that YAML 1.1 and 1.2 read as a float, exactly."""
    if not isinstance(value, float):
        return str(value)
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"


def _network(estimate: Estimate, run: ReplayRun) -> Iterator[str]:
    yield "network:"
    yield f"  name: {json.dumps(estimate.chip.name)}"
    yield "  groups:"
    for group in run.groups:
        yield f"    - name: {group.name}"
        if group.spikes is None:
            yield "      attributes: [threshold: 1.0e+30]"
        else:
            yield "      attributes: []"
        yield "      neurons:"
        for neuron in range(group.core.size):
            n = 0 if group.spikes is None else int(group.spikes[neuron])
            if n:
                fires = ", ".join(map(str, spread_spikes(n, run.steps).tolist()))
                yield f"        - {neuron}: [spikes: [{fires}]]"
            else:
                yield f"        - {neuron}: []"
    yield "  edges:"
    for layer, synapses in zip(estimate.workload.layers, run.synapses, strict=True):
        name = f"layer{layer.number}"
        for pre, post, weight in zip(
            synapses.pre.tolist(),
            synapses.post.tolist(),
            synapses.weight.tolist(),
            strict=True,
        ):
            edge = f"{name}_inputs.{pre} -> {name}.{post}"
            yield f"    - {edge}: [weight: {_scalar(float(weight))}]"
    yield "mappings:"
    yield from _mappings(estimate, run)


def _mappings(estimate: Estimate, run: ReplayRun) -> Iterator[str]:
    places = {
        core: f"{tile}.{offset}"
        for tile, cores in enumerate(_cores_of_routers(estimate).values())
        for offset, core in enumerate(cores)
    }
    used: Counter[tuple[int, str]] = Counter()
    for group in run.groups:
        for neuron, core in enumerate(group.core.tolist()):
            soma = group.soma
            if group.spikes is not None:
                soma = f"{soma}[{used[core, soma]}]"
                used[core, group.soma] += 1
            yield (
                f"  - {group.name}.{neuron}: "
                f"[core: {places[core]}, soma: {json.dumps(soma)}]"
            )


def _expected(estimate: Estimate, run: ReplayRun) -> dict[str, Any]:
    energy, n = estimate.energy, run.inferences
    per_event = estimate.chip.execution == "event-driven"
    update = energy.neuron_update
    parts = {
        "synapse": energy.sop + (update if per_event else 0.0),
        "dendrite": 0.0,
        "soma": energy.spike + (0.0 if per_event else update),
        "network": energy.axon_in + energy.axon_out + energy.router + energy.hop,
    }
    paid = estimate.counts.transport("unicast")
    samples = estimate.counts.n_samples
    return {
        "steps": run.steps,
        "inferences": n,
        "packets": paid.packets * n // samples,
        "hops": paid.hops * n // samples,
        "sops": estimate.counts.sops * n // samples,
        "energy_j": {
            **{name: joules * n for name, joules in parts.items()},
            "total": sum(parts.values()) * n,
        },
        "left_out_j": {
            "static": energy.static * n,
            "chip_crossing": energy.chip_crossing * n,
        },
    }
