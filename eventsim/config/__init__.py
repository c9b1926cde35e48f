"""Configuration files: YAML in, checked and frozen records out."""

from eventsim.config.loading import (
    changed_keys,
    config_to_yaml,
    load_config,
    parse_config,
)
from eventsim.config.schema import Config

__all__ = ["Config", "changed_keys", "config_to_yaml", "load_config", "parse_config"]
