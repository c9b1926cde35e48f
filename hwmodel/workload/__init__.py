"""What a chip is asked to do: layers, synapses, spikes."""
