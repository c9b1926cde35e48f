import pytest
from eventsim_.early_exit.output_trains import reader

from eventsim.errors import ModelFileError
from eventsim.model_file import ModelFile, read_model
from eventsim.trained_model import config_of, require_fit


def test_config_of__is_that_of_the_training(finished_run):
    assert config_of("x", read_model(finished_run)).name == "tiny"
    with pytest.raises(ModelFileError, match="model file 'x' holds no configuration"):
        config_of("x", ModelFile(reader()))


def test_require_fit__counts_bias_spikes(tiny_config):
    require_fit("x", reader(), (1,), tiny_config())
    with pytest.raises(ModelFileError, match=r"takes inputs of shape \(2,\), the data"):
        require_fit("x", reader(), (2,), tiny_config())
