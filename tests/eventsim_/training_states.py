"""Compare two states of training, bit for bit, but for what a clock measured."""

from itertools import chain

TIMED = {"seconds", "samples_per_second"}


def untimed(history):
    """Return the lines of metrics.jsonl without what a clock measured."""
    return [{k: v for k, v in line.items() if k not in TIMED} for line in history]


def arrays_of(state):
    return [
        *state.network.trained_arrays,
        *state.best,
        *state.parameters.arrays,
        *chain.from_iterable(state.optimizer.slots.values()),
    ]


def assert_same_state(one, other):
    assert len(arrays_of(one)) == len(arrays_of(other)) > 0
    for a, b in zip(arrays_of(one), arrays_of(other), strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()
    assert untimed(one.history) == untimed(other.history)
    for name in ("epoch", "best_epoch", "best_score", "data"):
        assert getattr(one, name) == getattr(other, name)
    assert one.optimizer.n_updates == other.optimizer.n_updates
