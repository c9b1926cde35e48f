"""What the folders of training runs hold."""

import json
from pathlib import Path

import h5py


def lines_of(folder):
    text = (Path(folder) / "metrics.jsonl").read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def stored_arrays(folder):
    found = {}
    with h5py.File(folder / "checkpoint.h5") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()].tobytes()})
                if isinstance(item, h5py.Dataset) and name != "history"
                else None
            )
        )
        for key, value in file.attrs.items():
            found[f"@{key}"] = value
    return found
