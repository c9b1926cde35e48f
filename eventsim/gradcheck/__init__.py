"""Compare the engines' derivatives with differences of the loss."""

from eventsim.gradcheck.check import gradcheck
from eventsim.gradcheck.report import DerivativeCheck, GradcheckReport

__all__ = ["DerivativeCheck", "GradcheckReport", "gradcheck"]
