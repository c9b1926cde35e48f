"""The schema of a study file: which settings are compared, over which seeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from eventsim.config.section import Section

Metric = Literal[
    "test_accuracy",
    "test_loss",
    "train_accuracy",
    "validation_accuracy",
    "undecided",
    "tied",
    "mean_decision_time",
    "kept_epoch",
    "spikes_per_sample",
    "sparsity",
    "sparsity_hidden",
    "samples_per_second",
]
Published = float | dict[str, float]


class CaseConfig(Section):
    """One row of the table: a name, and the settings that make it."""

    name: str = Field(
        pattern=r"^\w[\w.+-]*$",
        description="Short name, letters, digits and ._+-; the folder of its runs.",
    )
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="Dotted keys and their values. A section that is given as a "
        "mapping replaces the whole section.",
    )
    published: Published | None = Field(
        default=None,
        description="Number from the literature to print beside the measured one, in "
        "the unit of summary.json (accuracy: 0..1); with several metrics a mapping "
        "from metric to number.",
    )


class StudyConfig(Section):
    """Runs of one base configuration that differ in some settings and in the seed."""

    name: str = Field(
        pattern=r"^\w[\w.+-]*$",
        description="Short name, letters, digits and ._+-; the default output folder "
        "is runs/NAME.",
    )
    description: str = Field(default="", description="One sentence for people.")
    base: str = Field(
        min_length=1,
        description="Configuration that all runs start from; a path relative to the "
        "study file.",
    )
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="Settings of all runs: dotted keys and their values. A section "
        "that is given as a mapping replaces the whole section.",
    )
    cases: list[CaseConfig] = Field(
        default_factory=list,
        description="Settings to compare, each under a name of its own.",
    )
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Dotted keys and the values to try, in all combinations (and with "
        "each case, if there are cases).",
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: [0],
        min_length=1,
        description="Every case is run once with each.",
    )
    metric: Metric | Annotated[list[Metric], Field(min_length=1)] = Field(
        default="test_accuracy",
        description="Numbers of summary.json to compare: one, or a list.",
    )
    published: dict[str, Published] = Field(
        default_factory=dict,
        description="Numbers from the literature by the name of the case; for the "
        "cases of a grid, named like 'beta=2,lr=0.1'.",
    )
    reference: str = Field(default="", description="Where the published numbers stand.")

    @property
    def metrics(self) -> list[str]:
        """The metrics as a list."""
        return [self.metric] if isinstance(self.metric, str) else list(self.metric)

    @model_validator(mode="after")
    def _consistent(self) -> StudyConfig:
        _refuse_repeated("seeds", self.seeds)
        _refuse_repeated("metric", self.metrics)
        _refuse_repeated("the names of cases", [case.name for case in self.cases])
        overrides = [("set", self.set), ("grid", self.grid)]
        overrides += [(f"case '{case.name}'", case.set) for case in self.cases]
        for place, keys in overrides:
            if "seed" in keys:
                raise ValueError(f"'seed' in {place} has no place; list them in seeds")
        for case in self.cases:
            if case.published is not None:
                if self.grid:
                    raise ValueError(
                        f"case '{case.name}' has a published number, but a grid makes "
                        "several cases of it; put the numbers into the study's "
                        "'published', by name"
                    )
                if case.name in self.published:
                    raise ValueError(
                        f"case '{case.name}' has two published numbers; keep one"
                    )
                self._check_published(case.name, case.published)
        for name, value in self.published.items():
            self._check_published(name, value)
        return self

    def published_numbers(self, value: Published) -> dict[str, float]:
        """Return published numbers by metric; a single one is of the first metric."""
        return value if isinstance(value, dict) else {self.metrics[0]: value}

    def _check_published(self, case: str, value: Published) -> None:
        for metric, number in self.published_numbers(value).items():
            if metric not in self.metrics:
                raise ValueError(
                    f"the published number of '{case}' is of '{metric}', which is not "
                    f"a metric of this study; expected {' or '.join(self.metrics)}"
                )
            if metric.endswith("accuracy") and not 0 <= number <= 1:
                raise ValueError(
                    f"the published {metric} of '{case}' is {number:g}; expected 0 to "
                    f"1; write {number / 100:.4g} for {number:g} %"
                )


def _refuse_repeated(what: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what} has {value!r} more than once; keep one")
