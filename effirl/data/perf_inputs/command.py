"""Makes the performance inputs of a data set's problems, and measures its pairs on them."""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from effirl.data.load import load_problems
from effirl.data.perf_inputs import store
from effirl.data.perf_inputs.agreement import MIN_AUTHORS
from effirl.data.perf_inputs.report import table
from effirl.data.perf_inputs.search import choose_voters, find, programs_of
from effirl.data.perf_inputs.store import Interval, PairRecord, ProblemRecord, digest
from effirl.data.problems import Problem
from effirl.errors import UserError
from rewards import machine
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.measurement import TimedRunError, compare
from rewards.records import Limits, TestCase
from rewards.worker import Worker

_log = logging.getLogger(__name__)
_SAME = "\n# the same program, for the control\n"


@dataclass(slots=True)
class _Progress:
    """What is done, for the lines that say so."""

    num_problems: int
    started: float = field(default_factory=time.monotonic)
    num_done: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    pairs: tuple[Problem, ...]
    seed: int

    @property
    def key(self) -> str:
        return store.key_of(self.pairs, self.seed)

    @property
    def problem_id(self) -> str:
        return self.pairs[0].problem_id

    @property
    def programs(self) -> list[str]:
        return [text for pair in self.pairs for text in programs_of(pair)]


@dataclass(frozen=True, slots=True)
class MakeInputs:
    """What the command is asked for."""

    data_path: Path
    """PIE's pairs and tests."""
    cache_dir: Path
    """Where the inputs are kept."""
    seed: int
    """Of the inputs, and of the sample."""
    num_problems: int | None
    """Size of a random sample of problems; None for all."""
    num_workers: int | None
    """Cores to use; None for all of them."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help lists every setting")


def parse_arguments(argv: Sequence[str] | None) -> MakeInputs:
    """Read the command's flags.

    Raises:
        UserError: If a flag is unknown, missing or has a value that it must not have.
    """
    parser = _Parser(prog="effirl make-inputs", description=__doc__, allow_abbrev=False)
    parser.add_argument("--data-path", type=Path, required=True, help="PIE's pairs and tests")
    parser.add_argument(
        "--cache-dir", type=Path, default=store.DEFAULT_FOLDER, help="where inputs go"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the inputs and the sample")
    parser.add_argument("--num-problems", type=int, help="sample so many problems; default: all")
    parser.add_argument("--num-workers", type=int, help="cores to use; default: all")
    config = MakeInputs(**vars(parser.parse_args(argv)))
    if config.num_problems is not None and config.num_problems < 1:
        raise UserError(
            f"--num-problems must be at least 1, got {config.num_problems}; leave it out for all"
        )
    num_cores = len(machine.cores())
    if config.num_workers is not None and not 1 <= config.num_workers <= num_cores:
        raise UserError(
            f"--num-workers must be 1-{num_cores} on this machine, got {config.num_workers}; "
            "leave it out for all cores"
        )
    return config


def make_inputs(config: MakeInputs) -> str:
    """Find inputs for all problems of PIE that are not in the cache, and say what they show.

    Returns:
        The table of all pairs of these problems, and where the inputs are.

    Raises:
        UserError: If the data or the cache's folder is unusable.
        SandboxError: If no worker can be started.
    """
    groups = _by_problem(load_problems("pie", data_path=config.data_path, split="all").problems)
    names = sorted(groups, key=lambda name: digest(config.seed, name))[: config.num_problems]
    tasks = [_Task(tuple(groups[name]), config.seed) for name in names]
    cache_dir = config.cache_dir
    known = {task.problem_id: store.load(cache_dir, task.problem_id) for task in tasks}
    new = [t for t in tasks if (found := known[t.problem_id]) is None or found.key != t.key]
    _log.info("%d problems, %d of them known from %s", len(tasks), len(tasks) - len(new), cache_dir)
    if new:
        store.prepare(cache_dir)
        _make(new, config)
    records = [(task, store.load(cache_dir, task.problem_id)) for task in tasks]
    # One that could not be made again is there as it was for other pairs, tests or another seed.
    shown = table([(t.pairs, found) for t, found in records if found and found.key == t.key])
    flag = "" if cache_dir == store.DEFAULT_FOLDER else f" with --performance-inputs {cache_dir}"
    return f"{shown}inputs are in {cache_dir}; ppo, evaluate and audit take them{flag}\n"


def _by_problem(problems: Sequence[Problem]) -> dict[str, list[Problem]]:
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.problem_id, []).append(problem)
    return groups


def _make(tasks: Sequence[_Task], config: MakeInputs) -> None:
    progress = _Progress(len(tasks))

    def run(worker: Worker, task: _Task) -> None:
        started = time.monotonic()
        record = make_record(worker, task.pairs, task.seed)
        store.save(config.cache_dir, task.problem_id, record)
        progress.num_done += 1
        _log.info(
            "%d of %d, %s: %d of %d pairs measurable, %.0f s (%.0f s in all)",
            *(progress.num_done, progress.num_problems, task.problem_id),
            *(sum(bool(pair.cases) for pair in record.pairs), len(record.pairs)),
            *(time.monotonic() - started, time.monotonic() - progress.started),
        )

    with Executor(num_workers=config.num_workers) as executor:
        results = executor.map(run, tasks, lambda task: task.programs)
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, SandboxError):
            _log.warning("%s was left out: %s; run the command again", task.problem_id, result)


def make_record(worker: Worker, pairs: Sequence[Problem], seed: int) -> ProblemRecord:
    """Find a problem's inputs and measure each of its pairs on them, and on its public tests.

    Raises:
        SandboxError: If we failed.
    """
    found = find(worker, pairs, seed)
    authors = {voter.author for voter in choose_voters(pairs)}
    rungs_of_all = [rung for rungs in found.inputs.values() for rung in rungs]
    # Who failed a public test had no vote, so that an input can have fewer authors.
    is_weak = min([len(authors), *(rung.num_authors for rung in rungs_of_all)]) < MIN_AUTHORS
    record = ProblemRecord(store.key_of(pairs, seed), digest(pairs[0].tests), is_weak)
    for place, pair in enumerate(pairs):
        source, target = programs_of(pair)
        rungs = found.inputs.get(place, [])
        cases = [rung.case for rung in rungs]
        public = pair.performance_inputs
        record.cases += [case for case in cases if case not in record.cases]
        record.pairs.append(
            PairRecord(
                digest(source),
                digest(target),
                [record.cases.index(case) for case in cases],
                found.failures.get(place),
                sum(rung.runtimes_s[source] for rung in rungs),
                _measure(worker, source, target, public),
                _measure(worker, source, target, cases),
                _measure(worker, source, source + _SAME, cases),
            )
        )
    return record


def _measure(
    worker: Worker, source: str, program: str, cases: Sequence[TestCase]
) -> Interval | None:
    if not cases:
        return None
    try:
        found = compare(worker, source, program, cases, Limits())
    except TimedRunError:
        return None
    return Interval(found.time_low, found.time_log2_ratio, found.time_high)
