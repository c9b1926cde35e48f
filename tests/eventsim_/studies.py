"""Small studies that tests write, run and compare."""

import json

import h5py
from eventsim_.training_states import untimed

SMALL_STUDY = """\
name: small
base: tiny.yaml
set: {data.limit_train: 80, data.limit_test: 30, data.n_validation: 20}
cases:
  - name: adam
    set: {optimizer: {lr: 1e-2}, training.batch_size: 20}
    published: 0.9
  - name: sgd
    set: {optimizer: {name: sgd, lr: 0.05, momentum: 0.9}, training.batch_size: 20}
seeds: [0, 1]
reference: Somebody et al. 2020
"""
# What a float32 cannot hold after one update.
DIVERGING = "{name: sgd, lr: 1e38}"


def small_study(tmp_path, text=SMALL_STUDY):
    """Write a study beside the file of the fixture `tiny_yaml`; return its path."""
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return path


def content_of(folder):
    """Return all that a run wrote, but for what a clock measured."""
    arrays = {}
    for name in ("checkpoint.h5", "model.h5"):
        with h5py.File(folder / name) as file:
            file.visititems(
                lambda key, item, name=name: (
                    arrays.update({(name, key): item[()].tobytes()})
                    if isinstance(item, h5py.Dataset) and key != "history"
                    and item.dtype != object
                    else None
                )
            )  # fmt: skip
    assert len(arrays) > 10
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return (
        arrays,
        untimed([json.loads(line) for line in lines]),
        untimed([json.loads((folder / "summary.json").read_text())]),
        (folder / "config.yaml").read_text(),
    )


def assert_same_studies(one, other):
    """Compare two finished study folders bit for bit."""
    runs = sorted(path.parent.relative_to(one) for path in one.rglob("summary.json"))
    assert len(runs) == 4
    assert runs == sorted(
        path.parent.relative_to(other) for path in other.rglob("summary.json")
    )
    for run in runs:
        assert content_of(one / run) == content_of(other / run)
    assert (one / "study.csv").read_bytes() == (other / "study.csv").read_bytes()
    records = [
        json.loads((folder / "study.json").read_text()) for folder in (one, other)
    ]
    assert records[0].pop("folder") != records[1].pop("folder")
    assert records[0] == records[1]
