"""Write a model file with h5py alone."""

import h5py
import numpy as np

rng = np.random.default_rng(0)
n_samples = 100

with h5py.File("by_hand.h5", "w") as file:
    file.attrs["format"] = "eventsim-model"
    file.attrs["format_version"] = 1

    network = file.create_group("network")
    network.attrs["input_shape"] = (8, 8, 1)
    network.attrs["time_window"] = 1.0
    network.attrs["readout"] = "spike_time"
    network.attrs["n_layers"] = 3

    conv = network.create_group("layer_1")  # 3 x 3 kernels: 8 x 8 x 1 -> 6 x 6 x 4
    conv.attrs["kind"] = "conv2d"
    conv.attrs["input_shape"] = (8, 8, 1)
    conv.attrs["neuron"] = "relpsp"
    conv.attrs["threshold"] = "dynamic"
    conv["weight"] = rng.normal(0.1, 0.3, (3, 3, 1, 4))
    conv["theta"] = np.ones(4)

    pool = network.create_group("layer_2")  # 6 x 6 x 4 -> 3 x 3 x 4
    pool.attrs["kind"] = "pool"
    pool.attrs["input_shape"] = (6, 6, 4)
    pool.attrs["size"] = 2

    dense = network.create_group("layer_3")  # 36 -> 10
    dense.attrs["kind"] = "dense"
    dense.attrs["input_shape"] = (3, 3, 4)
    dense.attrs["neuron"] = "relpsp"
    dense.attrs["threshold"] = "dynamic"
    dense["weight"] = rng.normal(0.0, 0.2, (36, 10))
    dense["theta"] = np.ones(10)

    activity = file.create_group("activity")
    activity.attrs["split"] = "made up"
    activity.attrs["n_samples"] = n_samples
    activity.attrs["decision_time"] = 3.0  # two layers with neurons, (2 + 1) windows
    activity["input"] = rng.integers(0, n_samples + 1, 64)
    activity["layer_1"] = rng.integers(0, n_samples + 1, 144)
    activity["layer_2"] = rng.integers(0, n_samples + 1, 36)
    activity["layer_3"] = rng.integers(0, n_samples + 1, 10)
