"""What a chip is: mesh, core capacity and what each action costs, in SI units.

The numbers live in YAML files, one a chip; `load_chip` turns a preset or a file of
the user's into a frozen `Chip`. An unknown constant stays unknown: it is ``None``
here, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from hwmodel.chip.casting import Casting, ChipCasting, ChosenCasting, choose
from hwmodel.chip.constants import ACTIONS, DURATIONS, Action, Constant
from hwmodel.chip.core import CoreLimits, tightest
from hwmodel.chip.files import find_chip
from hwmodel.errors import ChipError
from hwmodel.mesh.grid import Grid, Topology

Execution = Literal["time-stepped", "event-driven"]

Limits = Literal["core", "silicon"]
"""What a mapping keeps: the mapping rule, or the tighter of it and the silicon."""


MOST_ROUTERS = 2**22
"""Routers of the largest mesh; there are loads for each of their links."""


@dataclass(frozen=True)
class Mesh:
    """Routers available to the mapping.

    Parameters
    ----------
    width, height : int
        Columns and rows of routers.
    cores_per_router : int
        Cores on each router.
    chip : tuple of int or None
        (width, height) of one chip in routers; ``None``: the mesh is one chip.
    topology : {"mesh", "triangular torus"}
        Links between routers.
    buffer : int or None
        Packets that the buffer at the end of a link holds; ``None``: no limit known.
    source, note : str
        Origin.
    """

    width: int
    height: int
    cores_per_router: int = 1
    chip: tuple[int, int] | None = None
    topology: Topology = "mesh"
    buffer: int | None = None
    source: str = ""
    note: str = ""

    def grid(self, size: tuple[int, int] | None = None) -> Grid:
        """Return the grid of routers.

        Parameters
        ----------
        size : tuple of int, optional
            (width, height) instead of the chip file's.

        Returns
        -------
        Grid
            Routers.

        Raises
        ------
        ChipError
            If there are more routers than there is memory for.
        """
        width, height = size or (self.width, self.height)
        if width * height > MOST_ROUTERS:
            raise ChipError(
                f"a mesh of {width}x{height} routers is too large; expected at most "
                f"{MOST_ROUTERS:,} routers, for example --mesh 1024x1024"
            )
        return Grid(width, height, self.cores_per_router, self.chip, self.topology)

    def grid_for(self, n_cores: int) -> Grid:
        """Return the grid, grown by whole chips if it is too small.

        Parameters
        ----------
        n_cores : int
            Cores to place.

        Returns
        -------
        Grid
            The chip file's if it holds them or if there is no `chip` to grow by. Else
            n chips, as many as the cores need, in a nearly square array of
            ``ceil(sqrt(n))`` columns and as few rows as hold n.
        """
        grid = self.grid()
        if self.chip is None or n_cores <= grid.n_cores:
            return grid
        width, height = self.chip
        n_chips = -(-n_cores // (width * height * self.cores_per_router))
        columns = math.isqrt(n_chips - 1) + 1
        rows = -(-n_chips // columns)
        return self.grid((columns * width, rows * height))


@dataclass(frozen=True)
class EnergyConstants:
    """What actions cost. ``None``: the chip's energy law has no such term.

    Parameters
    ----------
    sop, hop : Constant, J
        One synaptic operation; one link crossed.
    static : Constant, W or J/frame
        Power of a chip, or energy of an inference, that does not depend on events.
    neuron_update, spike, axon_in, axon_out, router, chip_crossing : Constant or None, J
        The other `hwmodel.chip.constants.ACTIONS`.
    hop_y : Constant or None, J
        A hop that changes the row; ``None``: it costs what any other hop does.
    not_charged_source : str
        Why the law lacks the terms it lacks.
    """

    sop: Constant
    hop: Constant
    static: Constant
    neuron_update: Constant | None = None
    spike: Constant | None = None
    axon_in: Constant | None = None
    axon_out: Constant | None = None
    router: Constant | None = None
    hop_y: Constant | None = None
    chip_crossing: Constant | None = None
    not_charged_source: str = ""


@dataclass(frozen=True)
class TimingConstants:
    """How long actions take; an unknown one has the value ``None``.

    Parameters
    ----------
    step, hop : Constant, s
        One time step; one link crossed, router included.
    link, sop, neuron_update, axon_in, barrier : Constant, s
        The other `hwmodel.chip.constants.DURATIONS`: how long a packet keeps a link
        busy, and how long a core works on an action.
    hop_y : Constant or None, s
        A hop that changes the row; ``None``: it takes as long as any other.
    """

    step: Constant
    hop: Constant
    link: Constant
    sop: Constant
    neuron_update: Constant
    axon_in: Constant
    barrier: Constant
    hop_y: Constant | None = None


@dataclass(frozen=True)
class Normalised:
    """Coefficients of the dimensionless energy of Wei et al. 2023, Eq. 11.

    Parameters
    ----------
    static, dynamic : float, dimensionless
        Shares of the reference's energy that go with its steps and its spikes.
    reference_steps, reference_spikes : float
        Steps and spikes of the reference, whose energy is ``static + dynamic``.
    source, note : str
        Origin.
    """

    static: float
    dynamic: float
    reference_steps: float
    reference_spikes: float
    source: str
    note: str = ""


@dataclass(frozen=True)
class Chip:
    """A chip as the cost model sees it.

    Parameters
    ----------
    name, description, technology : str
        For people.
    mesh : Mesh
        Routers available to the mapping.
    core : CoreLimits
        What the mapping puts on a core; ``core.neurons`` is never ``None``.
    limits : CoreLimits
        What the silicon can hold; a mapping may keep it (`capacity`) or be warned.
    energy : EnergyConstants
        Prices.
    timing : TimingConstants
        Durations.
    execution : {"time-stepped", "event-driven"}
        Whether every neuron is updated in every time step, or only by the synaptic
        operations it receives.
    normalised : Normalised or None
        Coefficients of Eq. 11, where they were published.
    casting : ChipCasting or None
        How it sends spikes to several cores; ``None``: not known.
    """

    name: str
    description: str
    technology: str
    mesh: Mesh
    core: CoreLimits
    limits: CoreLimits
    energy: EnergyConstants
    timing: TimingConstants
    execution: Execution = "time-stepped"
    normalised: Normalised | None = None
    casting: ChipCasting | None = None

    def cast(self, asked: Casting | None = None) -> ChosenCasting:
        """Decide how spikes travel, see `hwmodel.chip.casting.choose`.

        Parameters
        ----------
        asked : {"multicast", "unicast"}, optional
            What the user wants.

        Returns
        -------
        ChosenCasting
            What was asked for, else `casting`, else multicast.
        """
        return choose(asked, self.name, self.casting)

    @property
    def constants(self) -> dict[str, Constant]:
        """Every physical constant of the chip by its dotted name."""
        named = {
            **{f"energy.{n}": getattr(self.energy, n) for n in (*ACTIONS, "static")},
            **{f"timing.{n}": getattr(self.timing, n) for n in DURATIONS},
        }
        return {name: c for name, c in named.items() if c is not None}

    @property
    def not_charged(self) -> tuple[Action, ...]:
        """Names of the actions that the chip's energy law has no term for."""
        return tuple(
            name
            for name in ACTIONS
            if name != "hop_y" and getattr(self.energy, name) is None
        )

    def capacity(self, limits: Limits) -> CoreLimits:
        """Return what a mapping has to keep.

        Parameters
        ----------
        limits : {"core", "silicon"}
            ``"core"``: `core` as it is; ``"silicon"``: the tighter of `core` and
            `limits`, field by field.

        Returns
        -------
        CoreLimits
            ``neurons`` is never ``None``.
        """
        if limits == "core":
            return self.core
        tighter: dict[str, Any] = {
            field.name: tightest(
                getattr(self.core, field.name), getattr(self.limits, field.name)
            )
            for field in fields(CoreLimits)
            if field.name not in ("mesh", "source", "note")
        }
        return replace(self.limits, **tighter)

    def require(self, name: str, why: str) -> float:
        """Return a constant in SI units or say that it is unknown.

        Parameters
        ----------
        name : str
            Dotted name, for example ``"energy.hop"``.
        why : str
            What it is needed for.

        Returns
        -------
        float
            Its value; 0 if it is included in another constant.

        Raises
        ------
        ChipError
            If it is unknown.
        """
        constant = self.constants[name]
        if constant.value is None:
            example = {"J": "2.3pJ", "s": "5ns", "W": "0.1W", "J/frame": "1uJ/frame"}
            number = "1ms" if name == "timing.step" else example[constant.unit]
            raise ChipError(
                f"chip {self.name}: {name} is unknown, and {why}; expected a number; "
                f"pass --set {name}={number} or write it into a chip "
                "file of your own"
            )
        return constant.value


def load_chip(name: str | Path, overrides: Sequence[str] = ()) -> Chip:
    """Load a preset or a chip file.

    Parameters
    ----------
    name : str or Path
        Name of a preset or path of a YAML file.
    overrides : sequence of str
        ``"energy.hop=2.3pJ"`` or ``"energy.hop=2.3pJ:marginal"``: constants (with a
        unit and, if wanted, a kind) and other fields to set before the file is
        checked. Without a kind, a constant keeps its own. It loses its bounds;
        ``"energy.hop.low=2pJ"`` and ``"energy.hop.high=3pJ"`` set them.

    Returns
    -------
    Chip
        Checked, in SI units.

    Raises
    ------
    ChipError
        If there is no such preset or file, or the file or an override is wrong.
    """
    from hwmodel.chip.parse import parse_chip  # loads pydantic

    return parse_chip(find_chip(name), overrides)
