from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import dense_model, two_by_two_model
from hwmodel_.commands.running import DECLARED

from eventsim.model_file import write_model


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, two_by_two_model(seed=1))
    return path


@pytest.fixture
def declared(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(DECLARED)
    return path


@pytest.fixture
def wide(tmp_path):
    path = tmp_path / "wide.h5"
    write_model(path, dense_model([9, 8, 7, 3], np.random.default_rng(0)))
    return path
