"""Remarks on an estimate: rules that were applied and are worth knowing, and doubts."""

from __future__ import annotations

from hwmodel.chip.chip import Chip
from hwmodel.chip.constants import ACTIONS
from hwmodel.cost.latency import Latency
from hwmodel.mapping.placement import Mapping
from hwmodel.traffic.counts import ActionCounts
from hwmodel.workload.workload import Workload


def doubts(workload: Workload) -> list[str]:
    """List reasons not to take an estimate for that of the task.

    Parameters
    ----------
    workload : Workload
        Its provenance is looked at.

    Returns
    -------
    list of str
        One line at most: measured on the digits that stand in for MNIST.
    """
    if workload.provenance.get("offline_fallback"):
        return [
            "the model was trained and measured on the small offline digits, not on "
            "the full data set; its spike counts are not those of the real task"
        ]
    return []


def workload_notes(workload: Workload) -> list[str]:
    """Say where spikes come from, and what of the input is not counted.

    Parameters
    ----------
    workload : Workload
        Measured or declared.

    Returns
    -------
    list of str
        One line each: declared spikes, an input of currents.
    """
    origin, notes = workload.provenance, []
    if origin.get("declared"):
        notes.append(
            f"spikes are declared, not measured: {origin['name']} ({origin['source']})"
        )
    if workload.input == "currents":
        notes.append(
            f"{workload.layers[0].name}: driven by input currents, not by spikes; its "
            "input is not counted: neither the multiplications by its weights nor the "
            "way of the values to its cores is in SOPs, hops or energy"
        )
    return notes


def price_notes(chip: Chip, duration: Latency, n_chips: int) -> list[str]:
    """Say what the prices and durations of a chip contain, and what they lack.

    Parameters
    ----------
    chip : Chip
        Prices.
    duration : Latency
        Of an inference.
    n_chips : int
        Chips that draw static power.

    Returns
    -------
    list of str
        One line each: prices that others contain, actions without a price, a latency
        that is unknown, static power of several chips.
    """
    inside: dict[str, list[str]] = {}
    for name, constant in chip.constants.items():
        if constant.included_in is not None:
            inside.setdefault(f"energy.{constant.included_in}", []).append(name)
    notes = [
        f"priced as 0, included in "
        f"{'the average ' * (chip.constants[holder].kind == 'average')}{holder}: "
        f"{', '.join(names)}"
        for holder, names in inside.items()
    ]
    if chip.not_charged:
        actions = ", ".join(ACTIONS[name] for name in chip.not_charged)
        notes.append(
            f"not in the energy law of chip {chip.name}: {actions} "
            f"({chip.energy.not_charged_source})"
        )
    if duration.seconds is None:
        notes.append(
            f"no latency: {duration.reason}; set it with --set timing.step=1ms"
        )
    if n_chips > 1 and chip.energy.static.unit == "W":
        notes.append(f"static power of {n_chips} chips, those that hold cores")
    return notes


def traffic_notes(workload: Workload, counts: ActionCounts) -> list[str]:
    """Say how pools before layers were counted.

    Parameters
    ----------
    workload : Workload
        Its layers.
    counts : ActionCounts
        Of the same layers.

    Returns
    -------
    list of str
        One line for all average pools, one for each layer behind an earliest-spike
        pool over several cores.
    """
    folded = [layer.name for layer in workload.layers if layer.folded]
    pools = "pool before it is" if len(folded) == 1 else "pools before them are"
    notes = [
        f"{', '.join(folded)}: the average {pools} folded into the synapses; every "
        "spike travels and acts by itself"
    ] * bool(folded)
    notes += [
        f"{layer.name}: {layer.split_pool_windows} pooling windows before it span "
        "several cores; their spikes leave from the first neuron's core, and traffic "
        "inside the window is not counted"
        for layer in counts.layers
        if layer.split_pool_windows
    ]
    return notes


def mapping_notes(chip: Chip, mapping: Mapping, counts: ActionCounts) -> list[str]:
    """List what a mapping did beyond one core a group of features.

    Parameters
    ----------
    chip : Chip
        Its mesh.
    mapping : Mapping
        Groups on the mesh.
    counts : ActionCounts
        What copies of neurons add.

    Returns
    -------
    list of str
        One line each: more chips than the file's mesh, maps that are cut, neurons that
        are copied.
    """
    notes = []
    part, grid = mapping.partition, mapping.grid
    if grid.chip is not None and part.n_cores > chip.mesh.grid().n_cores:
        width, height = grid.chip
        notes.append(
            f"the network needs {part.n_cores} cores, more than the "
            f"{chip.mesh.grid()} mesh of chip {chip.name}; laid on "
            f"{-(-grid.width // width)}x{-(-grid.height // height)} chips of "
            f"{width}x{height} routers"
        )
    for layer, cut in zip(counts.layers, part.layers, strict=True):
        _, n_rows, n_columns = cut.shape
        if n_rows * n_columns > 1:
            notes.append(
                f"{layer.name}: its maps of {cut.map_shape[0]}x{cut.map_shape[1]} are "
                f"cut into {n_rows} run{'s' * (n_rows > 1)} of rows and {n_columns} of "
                "columns"
            )
        if layer.copies:
            notes.append(
                f"{layer.name}: {layer.copies} copies of its {layer.neurons} neurons, "
                f"since a neuron sends to {part.target_cores} "
                f"core{'s' * (part.target_cores != 1)} at most; per inference they add "
                f"{layer.copy_sops / counts.n_samples:g} SOPs and "
                f"{layer.copy_spikes / counts.n_samples:g} spikes"
            )
    return notes
