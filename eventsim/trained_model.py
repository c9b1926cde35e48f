"""A model, the configuration it was trained with, and data that fit it."""

from __future__ import annotations

from eventsim.config import Config, parse_config
from eventsim.errors import ModelFileError
from eventsim.model_file import ModelFile
from eventsim.network import Network


def config_of(path: str, model: ModelFile) -> Config:
    """Return the configuration that a model was trained with."""
    if not model.config:
        raise ModelFileError(
            f"model file '{path}' holds no configuration; expected one written by "
            "'eventsim train', because data set and encoding are needed"
        )
    return parse_config(model.config, where=f"configuration inside '{path}'")


def require_fit(
    path: str, network: Network, input_shape: tuple[int, ...], config: Config
) -> None:
    """Refuse a data set whose samples do not fit a network."""
    bias = config.encode.bias_spikes
    encoded = (input_shape[0] + bias,) if bias else input_shape
    if network.input_shape != encoded:
        raise ModelFileError(
            f"model file '{path}' takes inputs of shape {network.input_shape}, the "
            f"data set '{config.data.name}' gives {encoded}"
        )
