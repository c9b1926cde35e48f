"""Exceptions a caller may catch.

Every message is one line of the form ``<where>: <what is wrong>, got <value>;
expected <constraint>; <how to fix it>``. The command line prints the message
alone and exits with code 1.
"""


class EventsimError(Exception):
    """Base of every error that eventsim raises on purpose."""


class ConfigError(EventsimError, ValueError):
    """A configuration file or override is wrong."""


class DataError(EventsimError, ValueError):
    """A data file is missing, damaged or does not hold what it should."""


class ShapeError(EventsimError, ValueError):
    """Arrays or layers do not fit together."""


class ModelFileError(EventsimError, ValueError):
    """A model file is missing, damaged, foreign or newer than this version."""


class RunError(EventsimError, RuntimeError):
    """A run cannot start or go on: unwritable folder, diverged training."""


class SimulationLimitError(EventsimError, RuntimeError):
    """A run was stopped because it had more events than allowed.

    Parameters
    ----------
    message : str
        One line.
    partial : object
        What the run found until then, in the form of its full result.
    """

    def __init__(self, message: str, partial: object = None) -> None:
        super().__init__(message)
        self.partial = partial
