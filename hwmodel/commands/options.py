"""Options that several commands of ``hwmodel`` share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

MOST_SECONDS = 1e6
"""Of a placement: eleven days."""


class Pair(click.ParamType):
    """Two whole numbers with a separator, such as 8x8 or 0,3."""

    def __init__(self, name: str, separator: str, least: int) -> None:
        self.name = name
        self.separator = separator
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Read the two numbers, or refuse the text."""
        match = re.fullmatch(rf"(\d{{1,6}}){self.separator}(\d{{1,6}})", str(value))
        if match is None or min(int(match[1]), int(match[2])) < self.least:
            self.fail(
                f"'{value}' is not of the form {self.name} with whole numbers of at "
                f"least {self.least}",
                param,
                ctx,
            )
        return int(match[1]), int(match[2])


class Seconds(click.FloatRange):
    """A time above 0, at most `MOST_SECONDS`."""

    def __init__(self) -> None:
        super().__init__(0, MOST_SECONDS, min_open=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Read the time, or refuse the text."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"'{value}' is not a time in seconds", param, ctx)
        return seconds


def with_options(options: list[Callable[..., Any]]) -> Callable[..., Any]:
    """Give a command several options."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


JSON_FLAG = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
STEPS_PER_WINDOW = click.option(
    "--steps-per-window",
    type=click.IntRange(1, 1_000_000),
    default=10,
    show_default=True,
    help="Time steps a firing window is divided into.",
)
TRACE = click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Take the spikes from 'eventsim evaluate MODEL --trace' or 'simulate'.",
)
CASTING = click.option(
    "--casting",
    type=click.Choice(["multicast", "unicast"]),
    help="How a spike travels to several cores: hops are paid, places found and "
    "packets simulated for it. [default: as the chip sends, multicast if its file does "
    "not say]",
)

MODEL = click.argument("model", type=click.Path(path_type=Path))
CHIP = click.option(
    "--chip",
    "chip_name",
    required=True,
    metavar="NAME|FILE",
    help="Preset (see 'hwmodel chips') or YAML file.",
)
SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set a field of the chip, for example energy.hop=2.3pJ:marginal or "
    "energy.hop.high=3pJ.",
)
FORCE_MIXED = click.option(
    "--force-mixed",
    is_flag=True,
    help="Add other prices to an average price, which contains them.",
)

CUTTING = [
    click.option(
        "--mesh",
        type=Pair("WxH", "x", 1),
        metavar="WxH",
        help="Mesh size instead of the chip's.",
    ),
    click.option(
        "--split",
        type=click.Choice(["features", "space", "both", "search"]),
        default="features",
        show_default=True,
        help="How layers are cut into cores; 'search' takes the fewest cores.",
    ),
    click.option(
        "--limits",
        type=click.Choice(["core", "silicon"]),
        default="core",
        show_default=True,
        help="Cores as the mapping rule has them, or within what the silicon holds.",
    ),
]
"""How a network is cut for a chip."""

PLACING = [
    click.option(
        "--input-port",
        type=Pair("X,Y", ",", 0),
        default="0,0",
        show_default=True,
        metavar="X,Y",
        help="Router where input spikes enter the mesh.",
    ),
    click.option(
        "--placement",
        type=click.Choice(
            [
                "row-major",
                "snake",
                "hilbert",
                "spectral",
                "force",
                "greedy",
                "annealing",
            ]
        ),
        default="row-major",
        show_default=True,
        help="How cores find their places; the last four look at the traffic.",
    ),
    click.option(
        "--objective",
        type=click.Choice(["hops", "energy", "worst-link"]),
        help="What a placement that looks at the traffic makes small; hops by default.",
    ),
    click.option(
        "--placement-iterations",
        type=click.IntRange(min=1),
        metavar="N",
        help="Swaps that greedy and annealing try, rounds of force.",
    ),
    click.option(
        "--placement-seconds",
        type=Seconds(),
        metavar="SECONDS",
        help="Time that force, greedy and annealing take; results then depend on it.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**63 - 1),
        default=0,
        show_default=True,
        help="Seed of all random numbers: the placement's, and those of --draws where "
        "a command has it.",
    ),
]
"""Where its cores go; `with_budget` reads two of them."""

MAPPING = [MODEL, CHIP, *CUTTING, SET, CASTING, *PLACING, JSON_FLAG]
"""How a network is laid on a chip."""


def with_budget(options: dict[str, Any]) -> dict[str, Any]:
    """Say how long a placement may be sought: ``--placement-iterations, -seconds``.

    Parameters
    ----------
    options : dict
        Values of the options `PLACING`, and others.

    Returns
    -------
    dict
        The same with ``budget``, a `hwmodel.placing.budget.Budget`, instead of
        ``placement_iterations`` and ``placement_seconds``.
    """
    from hwmodel.placing.budget import Budget

    names = ("placement_iterations", "placement_seconds")
    rest = {name: value for name, value in options.items() if name not in names}
    return {**rest, "budget": Budget(*(options[name] for name in names))}
