"""Networks and filters side by side, and methods scored on many images.

>>> from hyra.evaluate import Method, Plan, evaluate
"""

from hyra.evaluate.evaluation import Evaluation, evaluate
from hyra.evaluate.methods import Method
from hyra.evaluate.runs import Run, Runs
from hyra.evaluate.work import Outcome, Plan

__all__ = ["Evaluation", "Method", "Outcome", "Plan", "Run", "Runs", "evaluate"]
