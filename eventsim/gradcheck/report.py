"""What a check of derivatives found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOTE = (
    "The exact gradient is checked, in float64; options of training that change it "
    "(derivative_clip, slope_clip, exponential_slope) are ignored."
)
LINEAR_NOTE = (
    " The gradient of the loss '{}' is by definition not the derivative of its value "
    "(Theorem 4.1 of Zhu et al. 2023). The derivatives d that it gives the output "
    "spikes are held fixed and sum d t is differentiated in its place: this checks the "
    "engine, not the loss."
)


@dataclass(frozen=True)
class DerivativeCheck:
    """How well the derivatives of a loss by some variables agree.

    Parameters
    ----------
    name : str
        What was varied: a layer whose weights were, ``"input times"``, ``"input
        currents"``, or a kind of parameter, for example ``"thresholds"``.
    worst_relative_error : float, dimensionless
        Largest ``|a - n| / max(|a|, |n|, 1e-6 largest)`` of analytic and numeric
        derivative; `largest` is the largest analytic one of the same array. 0 if
        nothing could be checked, ``inf`` if an analytic derivative is not finite.
    n_checked, n_skipped : int
        Derivatives compared; derivatives left out because spikes change their
        order too close by for a difference to resolve anything.
    largest_derivative : float
        Largest analytic derivative; 0 means that nothing was learnt from the check,
        for example because the network is silent.
    """

    name: str
    worst_relative_error: float
    n_checked: int
    n_skipped: int
    largest_derivative: float


@dataclass(frozen=True)
class GradcheckReport:
    """Result of `gradcheck`.

    Parameters
    ----------
    engine : str
        Engine that was checked.
    loss : float, dimensionless
        Loss of the batch.
    layers : tuple of DerivativeCheck
        One per layer with weights, then the input times or currents.
    parameters : tuple of DerivativeCheck
        One per kind of parameter that the network has besides weights, over all
        layers; empty with dynamic thresholds.
    jumping : tuple of str
        Layers with instantaneous synapses. Their spikes may all come with inputs, so
        that their weights have no derivative but 0.
    note : str
        What the check does not cover.
    """

    engine: str
    loss: float
    layers: tuple[DerivativeCheck, ...]
    parameters: tuple[DerivativeCheck, ...] = ()
    jumping: tuple[str, ...] = ()
    note: str = NOTE

    @property
    def checks(self) -> tuple[DerivativeCheck, ...]:
        """Checks of the layers and of the parameters."""
        return self.layers + self.parameters

    @property
    def worst_relative_error(self) -> float:
        """Largest relative error of all derivatives, dimensionless."""
        return max(check.worst_relative_error for check in self.checks)

    @property
    def n_checked(self) -> int:
        """Number of derivatives compared."""
        return sum(check.n_checked for check in self.checks)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Names of what the check says nothing about.

        Nothing could be compared or, for weights and input times, every derivative
        is 0. Weights of instantaneous synapses may have no other.
        """
        return tuple(
            check.name
            for check in self.checks
            if check.n_checked == 0
            or (check.largest_derivative == 0 and not self._may_be_zero(check))
        )

    @property
    def without_effect(self) -> tuple[str, ...]:
        """Names of what does not matter here, as differences confirm.

        A refractory period, for example, if no neuron fires twice, or weights whose
        inputs set off every spike.
        """
        return tuple(
            check.name
            for check in self.checks
            if check.n_checked > 0
            and check.largest_derivative == 0
            and self._may_be_zero(check)
        )

    def _may_be_zero(self, check: DerivativeCheck) -> bool:
        return check in self.parameters or check.name in self.jumping


def merge(name: str, checks: Sequence[DerivativeCheck]) -> DerivativeCheck:
    """Return one check for several, for example of one kind in all layers."""
    return DerivativeCheck(
        name,
        max(check.worst_relative_error for check in checks),
        sum(check.n_checked for check in checks),
        sum(check.n_skipped for check in checks),
        max(check.largest_derivative for check in checks),
    )
