"""The engine's own tests: right kernels pass in every schedule and sanitizer, each seeded bug is caught."""

from __future__ import annotations

import os
import subprocess

import pytest

from cuda_on_cpu import build

SCHEDULES = ("forward", "reverse", "random:1", "random:2", "random:3")

RIGHT = (
    "reverse_tiles", "scan", "barrier_votes", "shuffles", "votes", "halves", "exchange_in_warp", "histogram",
    "last_block_sum", "launches_are_ordered", "atomics", "transpose", "dynamic_shared_memory", "swap_pairs",
    "device_memory", "indices", "static_and_dynamic_memory",
)  # fmt: skip

# Where the result is wrong in one of the schedules, no sanitizer is needed.
WRONG_RESULT = (
    "no_barrier_before_read", "no_barrier_after_read", "no_barrier_in_carry_loop", "no_syncwarp",
    "unset_shared_memory", "unset_in_second_block",
)  # fmt: skip

ENGINE_ERROR = {
    "divergent_barrier": "divergent barrier: thread (1,0,0) is in __syncthreads at barriers.cu",
    "return_before_barrier": "partial barrier: __syncthreads at barriers.cu",
    "barrier_in_uneven_loop": "thread (0,0,0) has returned",
    "lane_missing": "with mask 0xffffffff was reached by the lanes 0xffffff7f of warp 0; lane 7 has returned",
    "lane_at_barrier": "lane 7 waits in __syncthreads at warps.cu",
    "lane_outside_mask": "thread (31,0,0) (lane 31) is in a vote at warps.cu",
    "source_outside_mask": "thread (8,0,0) (lane 8) reads lane 16 in a shuffle at warps.cu",
    "partial_warp": "missing lanes: a shuffle at warps.cu",
    "shared_past_end": "a write outside the shared variable 'tile' (4224 bytes, memory.cu:",
    "shared_before_begin": "a write outside the shared variable 'tile'",
    "dynamic_past_end": "a write outside the shared variable 'dynamic shared memory' (8000 bytes",
    "empty_grid": "the grid (3,0,1) is not between",
    "tall_grid": "the grid (1,65536,1) is not between",
    "empty_block": "the block (0,1,1) is not between",
    "large_block": "the block (32,33,1) is not between",
    "deep_block": "the block (1,1,65) is not between",
    "much_dynamic_memory": "49153 bytes of dynamic shared memory, more than 49152",
    "too_much_dynamic_memory": "invalid argument",
    "much_static_memory": "49156 bytes of shared memory with 'bytes'",
}

SANITIZER_REPORT = {
    ("address", "shared_past_end"): "out of bounds",
    ("address", "shared_before_begin"): "out of bounds",  # by the other one of the two, which looks first
    ("address", "dynamic_past_end"): "AddressSanitizer: use-after-poison",
    ("address", "global_past_end"): "AddressSanitizer: heap-buffer-overflow",
    ("address", "host_reads_device_memory"): "AddressSanitizer: use-after-poison",
    ("address", "misaligned_pairs"): "misaligned address",
    ("thread", "no_barrier_before_read"): "ThreadSanitizer: data race",
    ("thread", "no_barrier_after_read"): "ThreadSanitizer: data race",
    ("thread", "no_barrier_in_carry_loop"): "ThreadSanitizer: data race",
    ("thread", "no_syncwarp"): "ThreadSanitizer: data race",
    ("thread", "shuffle_for_barrier"): "ThreadSanitizer: data race",
    ("thread", "plain_shared_update"): "ThreadSanitizer: data race",
    ("thread", "plain_add_across_blocks"): "ThreadSanitizer: data race",
    ("thread", "no_fence"): "ThreadSanitizer: data race",
    ("thread", "fence_before_write"): "ThreadSanitizer: data race",
    ("thread", "no_fence_after_ticket"): "ThreadSanitizer: data race",
}

VARIANTS = [None, *(pytest.param(sanitizer, marks=pytest.mark.sanitizer) for sanitizer in build.SANITIZERS)]

pytestmark = pytest.mark.skipif(not build.available(), reason="no C++ compiler for the engine")


def run(case: str, sanitizer: build.Sanitizer | None, *schedules: str) -> subprocess.CompletedProcess[str]:
    program = build.build_selftest(sanitizer)
    env = os.environ | {"UBSAN_OPTIONS": "print_stacktrace=1"}
    return subprocess.run([program, case, *schedules], check=False, capture_output=True, text=True, timeout=60, env=env)


@pytest.mark.parametrize("sanitizer", VARIANTS)
def test_right_kernels_pass_in_every_schedule(sanitizer):
    for case in RIGHT:
        done = run(case, sanitizer, *SCHEDULES)
        assert (done.returncode, done.stderr) == (0, ""), case


@pytest.mark.parametrize("case", WRONG_RESULT)
def test_a_schedule_shows_the_wrong_result(case):
    done = run(case, None, *SCHEDULES)
    assert done.returncode == 1
    assert f"{case}: wrong result, schedule" in done.stderr


@pytest.mark.parametrize("case", ENGINE_ERROR)
def test_the_engine_names_the_error(case):
    for schedule in SCHEDULES:
        done = run(case, None, schedule)
        assert done.returncode == 2
    assert ENGINE_ERROR[case] in run(case, None, "forward").stderr


@pytest.mark.sanitizer
@pytest.mark.parametrize(("sanitizer", "case"), SANITIZER_REPORT, ids=map("-".join, SANITIZER_REPORT))
def test_the_sanitizer_reports(sanitizer, case):
    done = run(case, sanitizer, "forward")
    assert done.returncode not in (0, 2)
    assert SANITIZER_REPORT[sanitizer, case] in done.stderr
    assert ".cu:" in done.stderr


def test_errors_name_the_launch():
    message = run("divergent_barrier", None, "forward").stderr
    assert message.startswith("kernel launched at barriers.cu:")
    assert ", block (0,0,0): " in message


@pytest.mark.sanitizer
def test_engine_errors_are_no_races():
    assert run("lane_missing", "thread", "forward").returncode == 2


def test_every_case_is_tested():
    listed = subprocess.run([build.build_selftest()], check=True, capture_output=True, text=True).stdout.split()
    tested = {*RIGHT, *WRONG_RESULT, *ENGINE_ERROR, *(case for _, case in SANITIZER_REPORT)}
    assert sorted(listed) == sorted(tested)


def test_an_unknown_schedule_is_refused():
    done = run("scan", None, "sideways")
    assert done.returncode == 2
    assert "forward, reverse or random:SEED, got 'sideways'" in done.stderr
