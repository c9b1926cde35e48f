"""What one core of a chip can hold."""

from __future__ import annotations

from dataclasses import dataclass

from hwmodel.errors import ChipError


@dataclass(frozen=True)
class CoreLimits:
    """What one core can hold; ``None`` means no limit.

    Parameters
    ----------
    neurons : int or None
        Neurons a core.
    axons : int or None
        Distinct presynaptic neurons that can reach one core.
    fan_in : int or None
        Distinct presynaptic neurons of one neuron.
    synapses : int or None
        Non-zero synapses a core.
    synapse_memory : int or None, bit
        Memory for the synapses of a core; each takes `weight_bits`.
    weight_bits : int or None
        Bits of a stored weight: at most ``2**weight_bits`` distinct values.
    axon_types : int or None
        Distinct weights one neuron can tell apart.
    target_cores : int or None
        Cores one neuron can send its spikes to.
    out_axons : int or None
        Pairs of a neuron and a core it sends to, for one core.
    mesh : tuple of int or None
        (width, height) of the largest mesh that exists.
    source, note : str
        Origin.

    Raises
    ------
    ChipError
        If there is memory for synapses, but the bits of one are not given.
    """

    neurons: int | None = None
    axons: int | None = None
    fan_in: int | None = None
    synapses: int | None = None
    synapse_memory: int | None = None
    weight_bits: int | None = None
    axon_types: int | None = None
    target_cores: int | None = None
    out_axons: int | None = None
    mesh: tuple[int, int] | None = None
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.synapse_memory is not None and self.weight_bits is None:
            raise ChipError(
                f"synapse_memory is {self.synapse_memory} bits, but weight_bits is "
                "missing; expected the bits of one synapse in the same section; set "
                "it beside synapse_memory"
            )

    @property
    def most_synapses(self) -> int | None:
        """Synapses a core can hold: the tighter of their number and their memory."""
        in_memory = None
        if self.synapse_memory is not None and self.weight_bits is not None:
            in_memory = self.synapse_memory // self.weight_bits
        return tightest(self.synapses, in_memory)

    @property
    def most_inputs(self) -> int | None:
        """Distinct inputs that one neuron can have, alone on its core."""
        return tightest(self.fan_in, self.axons)


def tightest(*limits: int | None) -> int | None:
    """Return the least of several limits.

    Parameters
    ----------
    *limits : int or None
        ``None`` is no limit.

    Returns
    -------
    int or None
        ``None`` if none of them is a limit.
    """
    return min((limit for limit in limits if limit is not None), default=None)
