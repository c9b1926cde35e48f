from dataclasses import replace
from types import SimpleNamespace

import pytest

from eventsim.progress import EpochBars
from eventsim.training import EpochResult

DATASET = SimpleNamespace(train=range(10))
RESULT = EpochResult(
    epoch=1, lr=0.1, train_loss=1.0, train_accuracy=0.5, undecided=0.0,
    validation_loss=None, validation_accuracy=None, test_accuracy=None,
    exit=None, spikes_per_neuron=0.5,
    silent={"layer_1 (dense 12)": 0.0, "layer_2 (dense 3)": 0.0},
    output_gradient=None, output_gradient_abs=None, positive_share=None,
    thresholds={}, seconds=1.0, samples_per_second=10.0,
)  # fmt: skip
LIF = "network.neuron={model: lif, tau_m: 4, tau_s: 2, theta: 1, reset: zero}"


@pytest.fixture
def bars(tiny_config):
    return lambda *overrides: EpochBars(tiny_config(*overrides), DATASET, quiet=False)


def test_epoch_done__prints_one_line(bars, capsys):
    bars().epoch_done(RESULT)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "loss 1.0000  train 50.00%" in lines[0]


def test_epoch_done__tells_of_a_silent_layer_once(bars, capsys):
    bar = bars(LIF, "network.t_end=4", "loss={beta: 1}")
    dead = replace(RESULT, silent={**RESULT.silent, "layer_1 (dense 12)": 0.75})
    bar.epoch_done(dead)
    seen = capsys.readouterr().err
    assert "WARNING: 75% of the neurons of layer_1 (dense 12) fired for no" in seen
    for remedy in ("target_rate", "wake_silent", "slope_clip"):
        assert remedy in seen
    assert "supervisory_spike" not in seen  # it is for outputs only
    bar.epoch_done(replace(dead, epoch=2))
    assert "WARNING" not in capsys.readouterr().err


def test_epoch_done__silent_outputs_have_one_remedy_more(bars, capsys):
    bar = bars(LIF, "network.t_end=4", "loss={beta: 1}")
    name = list(RESULT.silent)[-1]
    bar.epoch_done(replace(RESULT, silent={**RESULT.silent, name: 0.75}))
    assert "supervisory_spike" in capsys.readouterr().err


def test_epoch_done__leaves_out_remedies_that_are_in_use(bars, capsys):
    bar = bars(
        LIF, "network.t_end=4", "loss={beta: 1}", "training.wake_silent=0.8",
        "training.target_rate=0.5",
    )  # fmt: skip
    bar.epoch_done(replace(RESULT, undecided=0.9))
    seen = capsys.readouterr().err
    assert "in 90% of the training samples no output neuron fired" in seen
    assert "wake_silent" not in seen
    assert "target_rate" not in seen
    assert "supervisory_spike" in seen


def test_epoch_done__dynamic_thresholds_have_another_remedy(bars, capsys):
    bars("loss.silence_penalty=0").epoch_done(replace(RESULT, undecided=0.6))
    assert "loss.silence_penalty=1" in capsys.readouterr().err


def test_epoch_done__does_not_advise_what_cannot_be_used(bars, capsys):
    bars("loss.silence_penalty=1").epoch_done(replace(RESULT, undecided=0.6))
    assert "silence_penalty" not in capsys.readouterr().err
    slayer = "network.neuron={model: slayer_srm, tau_s: 1, tau_r: 1, theta: 1}"
    bars(slayer, "network.t_end=4", "loss={beta: 1}").epoch_done(
        replace(RESULT, undecided=0.6)
    )
    seen = capsys.readouterr().err
    assert "target_rate" in seen
    assert "supervisory_spike" not in seen
