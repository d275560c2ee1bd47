"""What `executor_speed` recorded, as tables."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from rewards.machine import fingerprint
from tests.benchmarks.contestants import (
    BareFork,
    Bubblewrap,
    NotIsolated,
    OurRepeat,
    OurWorker,
    PlainProcess,
    Program,
)
from tests.benchmarks.peers import Mprof
from tests.benchmarks.tables import percentile, table

LIGHT_S = 0.010
"""A program whose bare run takes less is light: the executor's own cost shows on it."""
ORDERS = ("blocks", "interleaved")
FASTEST = "fastest"
"""Each program's fastest run in either order: what holds when others use the core too."""
TARGETS = {
    PlainProcess.name: "5 / 4",
    Bubblewrap.name: "7 / 5",
    "evalplus": "2.5",
    Mprof.name: "60",
}


@dataclass(slots=True)
class Recording:
    """One contestant's runs."""

    seconds: dict[str, list[list[float]]]
    """Order of runs -> for each program, the time of each round; empty where it was not run."""
    rejected: set[int] = field(default_factory=set)
    """Programs that did not print what they print in a plain process, in any round."""

    def add_fastest(self) -> None:
        by_program = zip(*(self.seconds[order] for order in ORDERS), strict=True)
        self.seconds[FASTEST] = [[min(a + b)] if a + b else [] for a, b in by_program]


Recordings = dict[str, Recording]


def light(recordings: Recordings) -> list[int]:
    """The numbers of the light programs."""
    bare = recordings[BareFork.name].seconds[FASTEST]
    return [i for i, (seconds,) in enumerate(bare) if seconds < LIGHT_S]


def report(recordings: Recordings, programs: Sequence[Program], remarks: Sequence[str]) -> str:
    machine = fingerprint()
    chosen = light(recordings)
    parts = [
        f"# Executor speed: {len(programs)} PIE programs, {len(chosen)} of them light "
        f"(bare run < {LIGHT_S * 1000:.0f} ms)",
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python "
        f"{machine['python']}. Everything on one core. Load average while it ran: "
        f"{os.getloadavg()[0]:.1f} (above 1, others shared the core: read the fastest runs only).",
    ]
    for order in (*ORDERS, FASTEST):
        parts += [f"## Light programs, {order}", _order_table(recordings, chosen, order)]
    parts += [_accepted(recordings, programs), _ratios(recordings, chosen)]
    parts += [_own_ratios(recordings, chosen), *remarks]
    return "\n\n".join(parts)


def _order_table(recordings: Recordings, chosen: Sequence[int], order: str) -> str:
    header = (
        "contestant", "p50 ms", "p90 ms", "p99 ms", "ratio to bare p50", "p99", "overhead p50 ms",
        "programs/s", "all programs/s",
    )  # fmt: skip
    bare = {i: statistics.median(recordings[BareFork.name].seconds[order][i]) for i in chosen}
    rows = []
    for name, recording in recordings.items():
        per_program = recording.seconds[order]
        runs = [(s, bare[i]) for i in chosen for s in per_program[i]]
        seconds = [s for s, _ in runs]
        ratios = [s / b for s, b in runs]
        everything = [s for program in per_program for s in program]
        rows.append(
            [
                name,
                *(f"{percentile(seconds, share) * 1000:.2f}" for share in (0.5, 0.9, 0.99)),
                f"{percentile(ratios, 0.5):.2f}",
                f"{percentile(ratios, 0.99):.2f}",
                f"{percentile([s - b for s, b in runs], 0.5) * 1000:.2f}",
                f"{len(seconds) / sum(seconds):.0f}",
                f"{len(everything) / sum(everything):.0f}",
            ]
        )
    return table(header, rows)


def _accepted(recordings: Recordings, programs: Sequence[Program]) -> str:
    """What each contestant accepts; the programs that ours rejects, in full."""
    lines = []
    for name, recording in recordings.items():
        run = sum(bool(seconds) for seconds in recording.seconds[FASTEST])
        lines.append(f"- {name}: {run - len(recording.rejected)} of {run} accepted")
        if name == OurWorker.name:
            lines += [
                f"  - rejected {i}:\n\n```python\n{programs[i].source.decode()}\n```"
                for i in sorted(recording.rejected)
            ]
    return "\n".join(["## Programs accepted in every run", "", *lines])


def _time_over(
    recordings: Recordings, name: str, base: str, order: str, chosen: list[int]
) -> float:
    """Total time of one contestant over another's, on the programs that both ran."""
    ours, others = (recordings[n].seconds[order] for n in (base, name))
    both = [i for i in chosen if ours[i] and others[i]]
    return sum(sum(others[i]) for i in both) / sum(sum(ours[i]) for i in both)


def _ratios(recordings: Recordings, chosen: list[int]) -> str:
    """Throughput of the worker over each contestant's, on the light programs."""
    own = {OurWorker.name, OurRepeat.name, NotIsolated.name}
    header = ("worker's throughput over", *ORDERS, FASTEST, "target")
    rows = [
        [name]
        + [
            f"{_time_over(recordings, name, OurWorker.name, order, chosen):.2f}"
            for order in (*ORDERS, FASTEST)
        ]
        + [TARGETS.get(name, "")]
        for name in recordings
        if name not in own
    ]
    return "## Throughput, light programs\n\n" + table(header, rows)


def _own_ratios(recordings: Recordings, chosen: list[int]) -> str:
    rows = []
    for what, name, base, target in (
        ("a repeat over a first run", OurRepeat.name, OurWorker.name, "0.7"),
        ("isolated over not isolated", OurWorker.name, NotIsolated.name, "1.10"),
    ):
        ratios = [
            f"{_time_over(recordings, name, base, order, chosen):.2f}"
            for order in (*ORDERS, FASTEST)
        ]
        rows.append([what, *ratios, target])
    header = ("time of the worker", *ORDERS, FASTEST, "target, at most")
    return "## Own ratios, light programs\n\n" + table(header, rows)
