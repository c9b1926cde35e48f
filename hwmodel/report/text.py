"""Write an estimate or a mapping as text and as plain JSON data.

No arithmetic happens here but sums over samples becoming means, and unit prefixes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from hwmodel import __version__
from hwmodel.chip.constants import ACTIONS
from hwmodel.cost.energy import Energy
from hwmodel.estimate import Estimate
from hwmodel.mapping.groups import LayerPartition
from hwmodel.mesh.grid import step_name
from hwmodel.mesh.loads import Link, LinkLoads
from hwmodel.neurobench import neurobench
from hwmodel.report.chips import price_text
from hwmodel.report.lines import remarks, wrapped
from hwmodel.report.mapping import cores_text, grid_text
from hwmodel.report.placement import placement_dict, placement_text
from hwmodel.report.sensitivity import (
    sensitivity_table,
    uncertainty_dict,
    uncertainty_lines,
)
from hwmodel.units import format_quantity


def to_dict(estimate: Estimate) -> dict[str, Any]:
    """Turn an estimate into plain data for ``json.dumps``.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    dict
        All counts are means per inference; energies in J, times in s.
    """
    counts, n = estimate.counts, estimate.counts.n_samples
    unicast, multicast = counts.transport("unicast"), counts.transport("multicast")
    paid = counts.transport(estimate.casting)
    hidden = counts.spikes - counts.output_spikes
    links = counts.link_loads(estimate.casting)
    return {
        "version": __version__,
        "chip": estimate.chip.name,
        "casting": estimate.casting,
        "casting_origin": estimate.casting_origin,
        "n_samples": n,
        "spikes_from": estimate.workload.spikes_from,
        "cores": estimate.mapping.partition.n_cores,
        "chips": estimate.n_chips,
        "mesh": [estimate.mapping.grid.width, estimate.mapping.grid.height],
        "split": estimate.split,
        "limits": estimate.limits,
        "input_port": list(estimate.input_port),
        "placement": placement_dict(estimate.placement, n),
        "sops": counts.sops / n,
        "spikes": counts.spikes / n,
        "spikes_by_origin": {
            "input": counts.input_spikes / n,
            "hidden": hidden / n,
            "output": counts.output_spikes / n,
        },
        "packets": paid.packets / n,
        "packets_unicast": unicast.packets / n,
        "packets_multicast": multicast.packets / n,
        "hops": paid.hops / n,
        "hops_unicast": unicast.hops / n,
        "hops_multicast": multicast.hops / n,
        "input_hops": counts.layers[0].transport(estimate.casting).hops / n,
        "hops_by_direction": {
            step_name(step): hops / n for step, hops in links.hops_by_direction.items()
        },
        "busiest_link": links.busiest / n,
        "worst_link": None if links.worst_link is None else _link(links.worst_link, n),
        "energy_j": _energy(estimate.energy, estimate.bill.actions, static=True),
        **uncertainty_dict(estimate),
        "normalised_energy": estimate.normalised,
        "windows": estimate.latency.windows,
        "steps": estimate.latency.steps,
        "latency_s": estimate.latency.seconds,
        "layers": [_layer(estimate, i) for i in range(len(counts.layers))],
        "links": _links(links, n),
        "core_load": _cores(estimate),
        "neurobench": _neurobench(estimate),
        "warnings": list(estimate.warnings),
        "notes": list(estimate.notes),
        "model": dict(estimate.workload.provenance),
    }


def _neurobench(estimate: Estimate) -> dict[str, Any]:
    found = neurobench(estimate.workload, estimate.counts, estimate.latency.steps)
    return {**asdict(found), "notes": list(found.notes)}


def _energy(energy: Energy, charged: Collection[str], static: bool) -> dict[str, Any]:
    """Return the terms that the chip has a price for, then static and total."""
    terms: dict[str, Any] = {
        name: joules for name, joules in energy.terms.items() if name in charged
    }
    if static:
        terms |= {"static": energy.static, "total": energy.total}
    return terms


def _layer(estimate: Estimate, i: int) -> dict[str, Any]:
    layer, n = estimate.counts.layers[i], estimate.counts.n_samples
    paid = layer.transport(estimate.casting)
    return {
        "name": layer.name,
        "kind": layer.kind,
        "neurons": layer.neurons,
        "cores": layer.cores,
        "runs": _runs(estimate.mapping.partition.layers[i]),
        "synapses": layer.synapses,
        "spikes_in": layer.spikes_in / n,
        "spikes": layer.spikes_out / n,
        "sops": layer.sops / n,
        "packets": paid.packets / n,
        "hops": paid.hops / n,
        "hops_unicast": layer.unicast.hops / n,
        "hops_multicast": layer.multicast.hops / n,
        "energy_j": _energy(
            estimate.layer_energy[i], estimate.bill.actions, static=False
        ),
        "copies": {
            "neurons": layer.copies,
            "synapses": layer.copy_synapses,
            "sops": layer.copy_sops / n,
            "spikes": layer.copy_spikes / n,
        },
    }


def _runs(part: LayerPartition) -> dict[str, int]:
    """Return how often each axis of a layer is cut."""
    return dict(zip(("features", "rows", "columns"), part.shape, strict=True))


def _links(loads: LinkLoads, n_samples: int) -> list[dict[str, Any]]:
    """List the links that were used, with packets per inference."""
    return [_link(link, n_samples) for link in loads.links()]


def _link(link: Link, n_samples: int) -> dict[str, Any]:
    start, end, packets = link
    return {"from": list(start), "to": list(end), "packets": packets / n_samples}


def _cores(estimate: Estimate) -> list[dict[str, Any]]:
    counts, n, mapping = estimate.counts, estimate.counts.n_samples, estimate.mapping
    names = [layer.name for layer in counts.layers]
    copies = mapping.partition.copies_per_core
    return [
        {
            "core": i,
            "position": [int(mapping.x[i]), int(mapping.y[i])],
            "layer": names[layer],
            "neurons": int(neurons),
            "copies": int(copies[i]),
            "spikes": int(counts.spikes_per_core[i]) / n,
            "sops": int(counts.sops_per_core[i]) / n,
        }
        for i, (layer, neurons) in enumerate(
            zip(
                mapping.partition.layer_of_core,
                mapping.partition.neurons_per_core,
                strict=True,
            )
        )
    ]


def to_text(estimate: Estimate) -> str:
    """Write an estimate for people.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    str
        Several lines: layers, transport, energy, latency, warnings, notes.
    """
    counts, n = estimate.counts, estimate.counts.n_samples
    grid, n_cores = estimate.mapping.grid, estimate.mapping.partition.n_cores
    declared = estimate.workload.provenance.get("declared")
    of = "declared spikes" if declared else f"means of {n} inference{'s' * (n > 1)}"
    head = f"{estimate.chip.name}: {n_cores} core{'s' * (n_cores != 1)} on "
    head += f"{grid_text(grid)}, {of}"
    head += _rounding(estimate.workload.provenance)
    blocks = [head, _layer_table(estimate), _transport_table(estimate)]
    blocks += [_direction_table(estimate), _energy_table(estimate)]
    blocks.append(sensitivity_table(estimate))
    seconds = estimate.latency.seconds
    time = "unknown" if seconds is None else format_quantity(seconds, "s")
    lines = [
        *(line for text in uncertainty_lines(estimate) for line in wrapped(text, 19)),
        f"latency            {time} ({_number_of(estimate.latency.steps, 'step')}, "
        f"{_number_of(estimate.latency.windows, 'window')})",
        f"spikes             {_number(counts.spikes / n)} "
        f"(+ {_number(counts.input_spikes / n)} of the input)",
    ]
    casting = f"{estimate.casting}, {estimate.casting_origin}"
    lines += wrapped(casting, 19, "casting            ")
    if estimate.placement.method != "row-major":
        text = placement_text(estimate.placement, n)
        lines += wrapped(text, 19, "placement          ")
    if not declared:
        lines.append(f"spikes from        {estimate.workload.spikes_from}")
    if estimate.normalised is not None:
        lines.append(
            f"normalised energy  {estimate.normalised:.4g} (Eq. 11 of Wei et al. 2023; "
            "rate-coded VGG16 = 1)"
        )
    blocks.append("\n".join(lines))
    blocks.append(remarks(estimate.warnings, estimate.notes))
    return "\n\n".join(block for block in blocks if block)


def _rounding(model: dict[str, str | int | float | bool]) -> str:
    """Say that a model is quantised, and what that did to its accuracy."""
    if "quantise_bits" not in model:
        return ""
    text = f"\nweights of {model['quantise_bits']} bits per {model['quantise_per']}"
    epochs = model.get("quantise_epochs")
    if epochs:
        text += f", fine-tuned for {epochs} epoch{'s' * (epochs != 1)}"
    if "test_accuracy" in model:
        text += f"; test accuracy {model['test_accuracy']:.2%}"
    if "quantise_accuracy_before" in model:
        text += f", {model['quantise_accuracy_before']:.2%} before"
    return text


def _number_of(count: float, what: str) -> str:
    number = str(count) if isinstance(count, int) else f"{count:g}"
    return f"{number} {what}{'s' * (count != 1)}"


def _number(value: float) -> str:
    if value >= 1e5:
        return f"{value:.4g}"
    return f"{value:.1f}".removesuffix(".0")


def _layer_table(estimate: Estimate) -> str:
    rows = []
    n = estimate.counts.n_samples
    others = any(energy.other for energy in estimate.layer_energy)
    for layer, part, energy in zip(
        estimate.counts.layers,
        estimate.mapping.partition.layers,
        estimate.layer_energy,
        strict=True,
    ):
        paid = layer.transport(estimate.casting)
        rows.append(
            [
                layer.name,
                layer.neurons,
                cores_text(part),
                _number(layer.spikes_in / n),
                _number(layer.spikes_out / n),
                _number(layer.sops / n),
                _number(paid.hops / n),
                format_quantity(energy.sop, "J"),
                format_quantity(energy.hop, "J"),
                *([format_quantity(energy.other, "J")] if others else []),
            ]
        )
    heads = ["layer", "neurons", "cores", "spikes in", "fired", "SOPs", "hops in"]
    heads += ["E SOP", "E hop", *(["E other"] if others else [])]
    return _table(rows, heads)


def _transport_table(estimate: Estimate) -> str:
    n, first = estimate.counts.n_samples, estimate.counts.layers[0]
    rows = []
    for casting in ("multicast", "unicast"):
        all_layers = estimate.counts.transport(casting)
        from_input = first.transport(casting)
        loads = estimate.counts.link_loads(casting)
        rows.append(
            [
                casting + (" (paid)" if casting == estimate.casting else ""),
                _number(all_layers.packets / n),
                _number(all_layers.hops / n),
                _number(from_input.hops / n),
                _number(loads.busiest / n),
                *(str(end) for end in (loads.worst_link or ("-", "-"))[:2]),
            ]
        )
    heads = ["transport", "packets", "hops", "of the input", "busiest link"]
    return _table(rows, [*heads, "from", "to"])


def _direction_table(estimate: Estimate) -> str:
    n, steps = estimate.counts.n_samples, estimate.mapping.grid.directions
    rows = []
    for casting in ("multicast", "unicast"):
        hops = estimate.counts.link_loads(casting).hops_by_direction
        rows.append([casting, *(_number(hops[step] / n) for step in steps)])
    return _table(rows, ["hops by direction", *map(step_name, steps)])


def _energy_table(estimate: Estimate) -> str:
    energy = estimate.energy
    titles = {"static": "static", "total": "total"}
    titles |= {str(action): title for action, title in ACTIONS.items()}
    rows = []
    for name, joules in {**energy.terms, "total": energy.total}.items():
        constants = [
            constant
            for key in (name, f"{name}_y")
            if (constant := estimate.chip.constants.get(f"energy.{key}")) is not None
        ]
        if name != "total" and all(c.included_in for c in constants):
            continue  # no price of its own
        share = f"{joules / energy.total:.1%}" if energy.total else "-"
        paid = ", ".join(price_text(c.value, c.unit, c.included_in) for c in constants)
        rows.append([titles[name], format_quantity(joules, "J"), share, paid])
    return _table(rows, ["energy / inference", "", "share", "price"])


def _table(rows: list[list[Any]], headers: list[str]) -> str:
    align = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(
        rows, headers, tablefmt="simple", colalign=align, disable_numparse=True
    )
