"""Sweep engine: layer after layer, any number of spikes, every neuron model."""
