"""Parameters, optimisers and learning-rate schedules."""

from eventsim.optim.optimizers import Adam, Optimizer, Sgd, make_optimizer
from eventsim.optim.parameters import Parameters, PlainWeights, StandardisedWeights
from eventsim.optim.schedules import learning_rate

__all__ = [
    "Adam",
    "Optimizer",
    "Parameters",
    "PlainWeights",
    "Sgd",
    "StandardisedWeights",
    "learning_rate",
    "make_optimizer",
]
