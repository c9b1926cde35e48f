import json
import shutil

import h5py
import numpy as np
import pytest

from eventsim.config import parse_config
from eventsim.errors import ConfigError, ModelFileError, RunError
from eventsim.model_commands import evaluate_model
from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.quantisation import quantised
from eventsim.quantise import format_result, quantise_model
from eventsim.run import train_run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(finished_run, tmp_path):
    return shutil.copytree(finished_run, tmp_path / "run")


def accuracy_of(folder):
    return evaluate_model(str(folder), None, "auto", write=False, quiet=True)[
        "accuracy"
    ]


@pytest.mark.parametrize("per", ["layer", "channel"])
def test_quantise_model__writes_the_rounded_model_and_what_it_reaches(run, per):
    result = quantise_model(run, 3, per, quiet=True)
    assert result.folder == run / f"3bit-{per}"
    original, model = read_model(run), read_model(result.folder)
    expected = quantised(original.network.astype(np.float64), 3, per)
    for array, other in zip(
        model.network.trained_arrays, expected.trained_arrays, strict=True
    ):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, other)
    assert model.config == original.config
    found = result.summary
    assert json.loads((result.folder / "summary.json").read_text()) == found
    assert model.provenance == found
    assert (found["quantise_bits"], found["quantise_per"]) == (3, per)
    assert found["quantise_accuracy_before"] == accuracy_of(run)
    assert found["quantise_accuracy_rounded"] == accuracy_of(result.folder)
    assert found["test_accuracy"] == found["quantise_accuracy_rounded"]
    assert found["n_train"] == original.provenance["n_train"]
    assert not {"train_accuracy", "kept_epoch"} & set(found)
    # The spikes are those of the rounded weights.
    counts = model.activity.spike_counts
    assert any(
        (a != b).any()
        for a, b in zip(counts, original.activity.spike_counts, strict=True)
    )


def test_quantise_model__fine_tunes_from_the_models_weights(run):
    result = quantise_model(
        run,
        2,
        fine_tune=2,
        overrides=["optimizer.lr=3e-3", "training.batch_size=16"],
        out=run / "out",
        quiet=True,
    )
    model, original = read_model(run / "out"), read_model(run)
    config, before = parse_config(model.config), parse_config(original.config)
    assert config.training.quantise.bits == 2
    assert (config.training.epochs, config.training.batch_size) == (2, 16)
    assert (config.optimizer.lr, config.loss) == (3e-3, before.loss)
    assert result.summary["quantise_epochs"] == 2
    assert result.summary["test_accuracy"] == accuracy_of(run / "out")
    rounded = quantised(original.network.astype(np.float64), 2, "layer")
    for layer, other, old in zip(
        model.network.layers, rounded.layers, original.network.layers, strict=True
    ):
        k = layer.weight / layer.weight_step
        np.testing.assert_array_equal(np.rint(k) * layer.weight_step, layer.weight)
        assert set(np.unique(np.rint(k))) <= {-1, 0, 1}
        np.testing.assert_array_equal(layer.theta, old.theta)
        # It moved, but it started here: most weights are still on the same side.
        assert (layer.weight != other.weight).any()
        assert np.mean(layer.weight * old.weight >= 0) > 0.9


def test_quantise_model__drops_what_a_fine_tuning_does_not_repeat(run, no_plots):
    training = "training={epochs: 1, standardise: {thresholds: trained}}"
    config = run / "standardised.yaml"
    config.write_text((run / "config.yaml").read_text())
    overrides = [
        "network.neuron={model: srm_lif, tau_m: 4, tau_s: 2, theta: 1}",
        "network.readout=spike_count",
        "loss={name: enhanced_counting, target_label: 3, target_other: 0}",
        "optimizer={weight_decay: 1e-3, norm_decay: 1e-4}",
        "schedule={warmup_epochs: 1}",
        training,
    ]
    train_run(str(config), overrides=overrides, out=str(run / "s"), quiet=True)
    result = quantise_model(run / "s", 4, fine_tune=1, quiet=True)
    config = parse_config(read_model(result.folder).config)
    assert config.training.standardise is None
    assert config.schedule.warmup_epochs == 0
    theta = read_model(run / "s").network.layers[0].theta
    np.testing.assert_array_equal(
        read_model(result.folder).network.layers[0].theta, theta
    )


def test_quantise_model__absent_synapses_stay_absent(run):
    model = read_model(run)
    weight = model.network.layers[0].weight
    weight[1, ::2] = 0
    write_model(run / "model.h5", model)
    result = quantise_model(run, 4, fine_tune=1, out=run / "out", quiet=True)
    assert (read_model(result.folder).network.layers[0].weight[1, ::2] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 1}, "quantise: bits is 1; expected a whole number from 2 to 16"),
        ({"overrides": ["optimizer.lr=1"]}, "--set goes with --fine-tune"),
        (
            {"fine_tune": 1, "overrides": ["training.epochs=3"]},
            r"--set cannot change 'training\.epochs', which the model or another",
        ),
        (
            {"fine_tune": 1, "overrides": ["training.quantise.bits=5"]},
            r"--set cannot change 'training\.quantise'",
        ),
        (
            {"fine_tune": 1, "overrides": ["encode.value_max=2.0"]},
            r"--set cannot change 'encode\.value_max'",
        ),
        (
            {"fine_tune": 1, "overrides": ["optimizer.lrr=1"]},
            "quantise --fine-tune: unknown key 'optimizer.lrr'; did you mean 'lr'",
        ),
    ],
)
def test_quantise_model__refuses_options_that_do_not_fit(run, options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        quantise_model(run, **{"bits": 4, **options}, quiet=True)
    assert "\n" not in str(caught.value)
    assert not list(run.glob("*bit*"))


@pytest.mark.parametrize("fine_tune", [0, 1])
def test_quantise_model__refuses_a_model_without_configuration(run, fine_tune):
    model = read_model(run)
    write_model(run / "model.h5", ModelFile(model.network))
    with pytest.raises(ModelFileError, match="holds no configuration; expected one"):
        quantise_model(run, 4, fine_tune=fine_tune, quiet=True)


def test_quantise_model__refuses_a_quantised_model_and_a_taken_folder(run):
    folder = quantise_model(run, 8, quiet=True).folder
    with pytest.raises(ModelFileError, match="8bit-layer' is quantised already; exp"):
        quantise_model(folder, 4, quiet=True)
    with pytest.raises(RunError, match="8bit-layer' already holds a model; expected"):
        quantise_model(run, 8, quiet=True)
    with pytest.raises(RunError, match="already holds a model"):
        quantise_model(run, 4, out=str(run), quiet=True)


def test_quantise_model__refuses_weights_that_are_no_numbers(run):
    with h5py.File(run / "model.h5", "a") as file:
        file["network/layer_1/weight"][0, 0] = np.nan
    with pytest.raises(ModelFileError, match=r"layer_1 .* weights that are not fin"):
        quantise_model(run, 4, quiet=True)


def test_train_run__with_rounded_weights_says_so(tiny_yaml, tmp_path, no_plots):
    overrides = ["training.quantise={bits: 5, per: channel}", "training.epochs=1"]
    out = str(tmp_path / "run")
    result = train_run(str(tiny_yaml), overrides=overrides, out=out, quiet=True)
    assert result.summary["quantise_bits"] == 5
    assert result.summary["quantise_per"] == "channel"
    for layer in read_model(out).network.layers:
        assert layer.weight_step.shape == layer.theta.shape
    with pytest.raises(ModelFileError, match="is quantised already"):
        quantise_model(out, 4, quiet=True)


def test_format_result__names_each_accuracy(run):
    found = quantise_model(run, 4, fine_tune=1, quiet=True)
    lines = format_result(found).splitlines()
    assert lines[0] == "test accuracy on 60 samples"
    assert [line.split()[0] for line in lines[1:4]] == [
        "before",
        "rounded",
        "fine-tuned",
    ]
    assert "(4 bits, one step per layer)" in lines[2]
    assert lines[3].endswith("(1 epoch)")
    assert lines[-1] == (
        f"next: hwmodel estimate {found.folder / 'model.h5'} --chip canmore"
    )
