"""The markdown page of a run: RESULTS.md from gpu.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def _microseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e6:.1f}"


def _steps(values: dict[str, Any]) -> Iterator[str]:
    yield "| step | result | seconds | |"
    yield "|---|---|---:|---|"
    for name, step in values["steps"].items():
        yield f"| {name} | {step['status']} | {step['seconds']:.0f} | {step['reason']} |".replace("  |", " |")


def _jobs(values: dict[str, Any]) -> Iterator[str]:
    yield "| job | MB | eager, us | graph, us | GB/s | of a copy | beside | peer, us | times | difference |"
    yield "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|"
    for row in values["jobs"]:
        if "error" in row:
            yield f"| {row['name']} | | | | | | {row['error'].splitlines()[0]} | | | |"
            continue
        ours = (
            f"{row['bytes'] / 1e6:.1f} | {_microseconds(row['seconds'])} | {_microseconds(row['graph_seconds'])} | "
            f"{row['bandwidth'] / 1e9:.0f} | {row['of_copy']:.0%}"
        )
        peers = row["peers"] or {"": None}
        for name, peer in peers.items():
            theirs = " | | |"
            if peer:
                times, agrees = peer["seconds"] / row["seconds"], "" if peer["agrees"] else " (too far)"
                theirs = f"{_microseconds(peer['seconds'])} | {times:.2f} | {peer['difference']:.1e}{agrees} |"
            yield f"| {row['name']} | {ours} | {name} | {theirs}"


def _profile(values: dict[str, Any]) -> Iterator[str]:
    names = sorted({metric for metrics in values["profile"].values() for metric in metrics})
    yield "| kernel | " + " | ".join(names) + " |"
    yield "|---|" + "---:|" * len(names)
    for kernel, metrics in values["profile"].items():
        yield f"| `{kernel}` | " + " | ".join(metrics.get(name, "") for name in names) + " |"


def markdown(values: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {values[name]}" for name in ("capability", "torch", "cuda") if name in values)
    lines = [
        f"# {values['device']}",
        "",
        f"Written by `python benchmarks/gpu/run.py`: {facts}. Medians with a cold L2. `times` is the peer's time over",
        "that of our eager call; bandwidth that of the fewest bytes a job can move, in the faster of call and graph.",
        "",
        *_steps(values),
    ]
    if "copy_bandwidth" in values:
        lines += ["", f"A device-to-device copy moves {values['copy_bandwidth'] / 1e9:.0f} GB/s.", "", *_jobs(values)]
    if values.get("profile"):
        lines += ["", *_profile(values)]
    return "\n".join([*lines, ""])
