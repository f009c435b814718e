"""Networks and filters side by side, and methods scored on many images.

>>> from hyra.evaluate import Method, Plan, evaluate
"""

from hyra.evaluate.changes import Changes, compare_runs
from hyra.evaluate.evaluation import Evaluation, evaluate
from hyra.evaluate.gates import Gate
from hyra.evaluate.methods import Method
from hyra.evaluate.runs import Run, Runs
from hyra.evaluate.work import Outcome, Plan

__all__ = ["Changes", "Evaluation", "Gate", "Method", "Outcome", "Plan", "Run", "Runs", "compare_runs", "evaluate"]
