"""What a user sees while training: one bar per epoch, a line after it, warnings."""

from __future__ import annotations

import sys

from tqdm import tqdm

from eventsim.config import Config
from eventsim.datasets import Dataset
from eventsim.training import BatchProgress, EpochResult

MOST_SILENT = 0.5
"""Share of silent samples, or of silent neurons of a layer, that is worth a warning."""


WITHOUT_SUPERVISION = ("slayer_srm", "if_delta", "lif_delta")
"""Models whose neurons cannot be given supervisory spikes."""


def say(text: str) -> None:
    """Write a line to the error output, around any progress bar."""
    tqdm.write(text, file=sys.stderr)


class EpochBars:
    """One progress bar per epoch and one line for each finished epoch."""

    def __init__(self, config: Config, dataset: Dataset, quiet: bool) -> None:
        self._n_epochs = config.training.epochs
        self._n_samples = len(dataset.train)
        self._quiet = quiet
        self._remedies = _remedies(config, of_output=True)
        self._remedies_of_layer = _remedies(config, of_output=False)
        self._told: set[str] = set()
        self._bar: tqdm | None = None

    def __enter__(self) -> EpochBars:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the current bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def batch_done(self, epoch: int, progress: BatchProgress) -> None:
        """Move the bar of an epoch on."""
        if self._quiet:
            return
        if self._bar is None:
            self._bar = tqdm(
                total=self._n_samples,
                desc=f"epoch {epoch}/{self._n_epochs}",
                unit="sample",
                leave=False,
                disable=None,
            )
        self._bar.set_postfix(
            loss=f"{progress.loss:.4f}",
            acc=f"{progress.accuracy:.2%}",
            spikes=f"{progress.spikes_per_neuron:.3f}/neuron",
            refresh=False,
        )
        self._bar.update(progress.n_samples)

    def epoch_done(self, result: EpochResult) -> None:
        """Print the line of a finished epoch."""
        self.close()
        if self._quiet:
            return
        self._warn_of_silence(result)
        validation = (
            f"  val {result.validation_accuracy:.2%}"
            if result.validation_accuracy is not None
            else ""
        )
        say(
            f"epoch {result.epoch:3d}/{self._n_epochs}  loss {result.train_loss:.4f}  "
            f"train {result.train_accuracy:.2%}{validation}  "
            f"spikes/neuron {result.spikes_per_neuron:.3f}  "
            f"{result.samples_per_second:,.0f} samples/s"
        )

    def _warn_of_silence(self, result: EpochResult) -> None:
        """Tell of silent samples and layers, of each layer once."""
        if result.undecided > MOST_SILENT:
            say(
                f"WARNING: in {result.undecided:.0%} of the training samples no output "
                f"neuron fired, and silent neurons have no gradient; try "
                f"{self._remedies}"
            )
        for k, (name, share) in enumerate(result.silent.items(), start=1):
            is_output = k == len(result.silent)
            if share > MOST_SILENT and name not in self._told:
                self._told.add(name)
                say(
                    f"WARNING: {share:.0%} of the neurons of {name} fired for no "
                    f"sample that was counted in epoch {result.epoch}; try "
                    f"{self._remedies if is_output else self._remedies_of_layer}"
                )


def _remedies(config: Config, *, of_output: bool) -> str:
    """Return what helps silent outputs or hidden neurons and is not in use.

    See docs/how-to.
    """
    training, neuron = config.training, config.network.neuron
    if neuron.threshold == "dynamic":
        more = "a larger training.weight_mean, or a lower optimizer.lr"
        is_used = getattr(config.loss, "silence_penalty", 0) > 0
        return more if is_used else f"loss.silence_penalty=1 for outputs, {more}"
    found = []
    if training.target_rate is None:
        found.append("training.target_rate=0.5")
    is_free = training.supervisory_spike is None
    if of_output and is_free and neuron.model not in WITHOUT_SUPERVISION:
        found.append("training.supervisory_spike.when=if_silent")
    if training.wake_silent is None:
        found.append("training.wake_silent=0.8")
    if neuron.slope_clip is None:
        found.append("network.neuron.slope_clip=1 against jumps into silence")
    return ", ".join([*found, "a longer network.t_end, or a lower optimizer.lr"])
