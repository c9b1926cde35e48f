"""Small IDX files and a machine without data, cache or network."""

import gzip
import struct

import numpy as np
import pytest

from eventsim.datasets import download


def idx_bytes(array):
    """Return an IDX file written with nothing but struct."""
    header = struct.pack(">HBB", 0, 8, array.ndim)
    header += struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def to_idx():
    return idx_bytes


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """Hide the data, cache and network that the testing machine may have."""
    monkeypatch.delenv("EVENTSIM_DATA_DIR", raising=False)
    monkeypatch.setenv("EVENTSIM_NO_DOWNLOAD", "1")
    monkeypatch.setattr(download, "cache_folder", lambda name: tmp_path / "no" / name)


@pytest.fixture
def small_set():
    """Four arrays: 40 training and 20 test images of 5 x 4 pixels, 10 classes."""
    rng = np.random.default_rng(7)
    return {
        "train-images-idx3-ubyte": rng.integers(0, 256, (40, 5, 4), dtype=np.uint8),
        "train-labels-idx1-ubyte": np.arange(40, dtype=np.uint8) % 10,
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (20, 5, 4), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": np.arange(20, dtype=np.uint8) % 10,
    }


@pytest.fixture
def write_set(small_set):
    """Return a function that writes the small set into a folder."""

    def write(folder, *, compressed=True, dotted=False, **replaced):
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in {**small_set, **replaced}.items():
            file_name = name.replace("-idx", ".idx") if dotted else name
            content = idx_bytes(array)
            if compressed:
                (folder / f"{file_name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / file_name).write_bytes(content)
        return folder

    return write
