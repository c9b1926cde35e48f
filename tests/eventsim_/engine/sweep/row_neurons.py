"""Neurons that rows can run: each case of their two rates."""

from eventsim.network import Neuron

ROW_NEURONS = [
    Neuron("lif", "static", 2.0, 1.0),
    Neuron("lif", "static", 1.0, 1.0),
    Neuron("lif", "static", 1.0, 1.0 + 1e-9),
    Neuron("lif", "static", 0.5, 3.0),
    Neuron("non_leaky_if", "static", tau_s=0.7),
    Neuron("relpsp", "static"),
]
