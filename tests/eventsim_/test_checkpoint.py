import os
import shutil

import h5py
import numpy as np
import pytest
from eventsim_.training_states import assert_same_state

from eventsim.checkpoint import load_checkpoint, require_checkpoint, save_checkpoint
from eventsim.errors import RunError
from eventsim.run import load_run_dataset
from eventsim.training import start_training, train

pytestmark = pytest.mark.usefixtures("one_thread")


SPIKING = [
    "network.neuron={model: srm_lif, tau_m: 4, tau_s: 2, theta: 1, slope_clip: 1}",
    "network.readout=spike_count",
    "network.layers=12-3",
    "network.t_end=4",
    "loss={name: enhanced_counting, target_label: 3, target_other: 0}",
    "training.target_rate=0.5",
    "training.supervisory_spike={when: if_silent}",
    "training.wake_silent=0.8",
]


@pytest.fixture
def saved(tiny_config, tmp_path):
    """Return folder, configuration and data of a run saved after its last epoch."""
    config = tiny_config()
    dataset = load_run_dataset(config)
    save_checkpoint(tmp_path, train(config, dataset))
    return tmp_path, config, dataset


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["precision=float64", "optimizer.name=adamw"],
        ["optimizer={name: sgd, lr: 0.05, momentum: 0.9}", "data.n_validation=0"],
        ["training.keep=best_test"],
        [*SPIKING, "training.standardise={thresholds: trained}"],
        ["training.quantise={bits: 3, per: channel}"],
        ["training.quantise={bits: 3}", "training.keep=last"],
    ],
    ids=["adam", "adamw64", "sgd", "best_test", "standardised", "rounded", "last"],
)
def test_load_checkpoint__gives_the_state_back(tiny_config, tmp_path, overrides):
    config = tiny_config(*overrides)
    dataset = load_run_dataset(config)
    state = train(config, dataset)
    save_checkpoint(tmp_path, state)
    assert os.listdir(tmp_path) == ["checkpoint.h5"]
    loaded = load_checkpoint(tmp_path, config, dataset)
    assert_same_state(loaded, state)
    assert loaded.history == state.history


def test_load_checkpoint__before_the_first_epoch(tiny_config, tmp_path):
    config = tiny_config()
    dataset = load_run_dataset(config)
    save_checkpoint(tmp_path, start_training(config, dataset))
    state = load_checkpoint(tmp_path, config, dataset)
    assert (state.epoch, state.best_score, state.history) == (0, -np.inf, [])
    assert_same_state(train(config, dataset, state), train(config, dataset))


@pytest.mark.parametrize("stop_after", [1, 2])
@pytest.mark.parametrize(
    "overrides",
    [
        ["schedule={name: cosine}", "optimizer.gradient_clip=0.5"],
        [*SPIKING, "training.standardise={thresholds: trained}"],
        [*SPIKING, "training.standardise={thresholds: fixed}"],
        ["training.quantise={bits: 3, per: channel}"],
        [*SPIKING, "training={standardise: {}, quantise: {}, epochs: 4}"],
    ],
    ids=["plain", "trained_thresholds", "fixed_thresholds", "rounded", "both"],
)
def test_load_checkpoint__training_goes_on_bit_for_bit(
    tiny_config, tmp_path, overrides, stop_after
):
    config = tiny_config("training.epochs=4", *overrides)
    dataset = load_run_dataset(config)

    class Stop(Exception):
        pass

    def stop(state, _):
        save_checkpoint(tmp_path, state)
        if state.epoch == stop_after:
            raise Stop

    with pytest.raises(Stop):
        train(config, dataset, on_epoch=stop)
    resumed = train(config, dataset, load_checkpoint(tmp_path, config, dataset))
    assert_same_state(resumed, train(config, dataset))


def test_load_checkpoint__refuses_a_folder_without_one(tiny_config, tmp_path):
    with pytest.raises(RunError, match=r"checkpoint\.h5' does not exist; expected"):
        require_checkpoint(tmp_path)


def test_load_checkpoint__refuses_every_truncation(saved):
    folder, config, dataset = saved
    path = folder / "checkpoint.h5"
    content = path.read_bytes()
    for length in (0, 1, 8, 100, 2000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(RunError, match=r"is damaged .*; start the run again") as it:
            load_checkpoint(folder, config, dataset)
        assert "\n" not in str(it.value)


def test_load_checkpoint__refuses_other_files(saved, finished_run):
    folder, config, dataset = saved
    shutil.copy(finished_run / "model.h5", folder / "checkpoint.h5")
    with pytest.raises(RunError, match="is not a checkpoint; expected the format"):
        load_checkpoint(folder, config, dataset)
    (folder / "checkpoint.h5").write_text("hello")
    with pytest.raises(RunError, match="is damaged"):
        load_checkpoint(folder, config, dataset)


@pytest.mark.parametrize(
    "name", ["network/0", "parameters/1", "slots/mean/1", "history", "slots"]
)
def test_load_checkpoint__refuses_a_missing_part(saved, name):
    folder, config, dataset = saved
    with h5py.File(folder / "checkpoint.h5", "a") as file:
        del file[name]
    with pytest.raises(RunError, match="is damaged"):
        load_checkpoint(folder, config, dataset)


@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("network.layers=13-3", r"holds network/0 of shape \(5, 12\)"),
        ("precision=float64", "float32; the configuration needs .* and float64"),
        (
            "optimizer={name: sgd, lr: 1.0}",
            r"holds the optimiser state \['mean', 'square'\]; .* \['velocity'\]",
        ),
        ("data.limit_train=149", "started on other data, got yin-yang .149 train.*150"),
        ("data.limit_test=10", "started on other data, got .* 10 test.* 60 test"),
    ],
)
def test_load_checkpoint__refuses_another_run(saved, tiny_config, override, match):
    folder, _, _ = saved
    config = tiny_config(override)
    with pytest.raises(RunError, match=match) as caught:
        load_checkpoint(folder, config, load_run_dataset(config))
    assert "\n" not in str(caught.value)


def test_load_checkpoint__refuses_other_samples_of_the_same_number(saved):
    folder, config, dataset = saved
    train_split = dataset.train.take(np.arange(len(dataset.train))[::-1])
    changed = dataset.__class__(**{**vars(dataset), "train": train_split})
    with pytest.raises(RunError, match="was started on other data"):
        load_checkpoint(folder, config, changed)
