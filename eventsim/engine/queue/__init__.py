"""Queue engine: one global queue of events over any graph of neurons."""
