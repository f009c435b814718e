"""What tracking costs a training: one record of the demo network against the steps of its own training script.

The script has no epochs. Its unit is the interval between two reports, after which it validates and saves; that many
steps, without the validation, count as an epoch here, and their time is extrapolated from a few dozen. How many steps a
record is worth stands beside the share, for trainings with other epochs.
"""

import inspect
import statistics
import time

from hyra.demo import Network, photographs
from hyra.demo.train import train
from hyra.images.resampling import degrade
from hyra.track import Tracker

SCALE, STEPS, WARM, RECORDS = 4, 30, 3, 5
EPOCH = inspect.signature(train).parameters["report_every"].default
LARGEST_SHARE = 0.05


def step_seconds(network):
    """Median time of a training step with the script's own defaults, the drawing of patches included."""
    ends = []
    train(network, steps=STEPS, on_step=lambda *_: ends.append(time.perf_counter()))
    return statistics.median(b - a for a, b in zip(ends[WARM:], ends[WARM + 1 :], strict=False))


def bench_tracker(benchmark, tmp_path):
    network = Network(SCALE)
    step = step_seconds(network)
    lr, hr = degrade(photographs.load("astronaut"), SCALE)
    tracker = Tracker(network, lr, hr, out=tmp_path)
    benchmark.group = f"a record of the x{SCALE} demo network while it trains"
    benchmark.pedantic(tracker, (1,), rounds=RECORDS, warmup_rounds=1)
    steps = benchmark.stats.stats.median / step
    benchmark.extra_info.update(contender="hyra", steps_per_record=steps, share_of_an_epoch=steps / EPOCH)
    assert steps <= LARGEST_SHARE * EPOCH, f"a record takes {steps / EPOCH:.1%} of an epoch of {EPOCH} steps"
