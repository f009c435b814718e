"""Networks and filters side by side, and methods scored on many images.

>>> from hyra.evaluate import Method, Plan, evaluate
"""

from hyra.evaluate.engines.processes import in_processes
from hyra.evaluate.engines.ray import RayEngine
from hyra.evaluate.evaluation import Evaluation, evaluate
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.store.merge import merge
from hyra.evaluate.store.runs import Run, Runs
from hyra.evaluate.store.shards import Shard
from hyra.evaluate.tracking.changes import Changes, compare_runs
from hyra.evaluate.tracking.gates import Gate
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.tasks import Outcome

__all__ = [
    "Changes",
    "Evaluation",
    "Gate",
    "Method",
    "Outcome",
    "Plan",
    "RayEngine",
    "Run",
    "Runs",
    "Shard",
    "compare_runs",
    "evaluate",
    "in_processes",
    "merge",
]
