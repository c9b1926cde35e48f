"""Neuron models, one file each; the file is the registry entry."""

NEURON_MODELS = ("relpsp",)
