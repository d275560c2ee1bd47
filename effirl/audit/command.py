"""Audits a data set: run by `python scripts/audit_data.py --data pie --data-path DIR`."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from effirl.audit.config import WHOLE, AuditConfig, DataName
from effirl.audit.measuring import Audited, Pair, audit_pair, pairs_of
from effirl.audit.report import write_report
from effirl.audit.results import PAIRS_FILE, PairLog
from effirl.audit.sharing import share
from effirl.data.load import load_problems, load_whole
from effirl.data.perf_inputs import describe_inputs, with_performance_inputs
from effirl.data.perf_inputs.loading import provenance_of
from effirl.data.problems import LoadedProblems, Problem
from effirl.errors import UserError
from effirl.evaluation.results import conditions
from effirl.runs import PROVENANCE_FILE, open_run, refuse_other_provenance, settings
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.machine import fingerprint
from rewards.worker import Worker

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_LINES = 10.0


def audit(config: AuditConfig) -> str:
    """Measure the pairs that the folder does not have yet, and report on all of them.

    Returns:
        The tables.

    Raises:
        UserError: If a setting or the data is wrong, or the folder has other results.
        IsolationError: If this machine cannot isolate programs.
    """
    loaded = _load(config)
    own = DataName(config.data, config.data_path)
    shared = share(own, config.others)
    pairs = pairs_of(loaded.problems)
    if not pairs:
        raise UserError(f"no problem of {config.data} has a target to audit; take another data set")
    run = open_run("audit", config, config.output_dir)
    assert run.lock is not None
    with run.lock:  # until the report is written
        found = _find(pairs, loaded.problems, run.path)
        return write_report(run.path, settings(config), loaded, found, shared)


def _find(pairs: Sequence[Pair], problems: Sequence[Problem], folder: Path) -> list[Audited]:
    provenance = {"machine": fingerprint(), **provenance_of(problems)}
    if (folder / PROVENANCE_FILE).is_file():
        refuse_other_provenance(folder, provenance)
    log = PairLog(folder / PAIRS_FILE)
    todo = [pair for pair in pairs if pair.index not in log.rows]
    _log.info("%d pairs, %d of them known from %s", len(pairs), len(log.rows), folder)
    if line := describe_inputs(problems):
        _log.info(line)
    if todo:
        with Executor() as executor:
            refuse_other_provenance(folder, provenance | conditions(executor))
            measure(executor, todo, log)
    found = [Audited(pair, log.rows[pair.index]) for pair in pairs if pair.index in log.rows]
    if not found:
        raise UserError("no pair could be run; `python -m rewards doctor` says more")
    return found


def _load(config: AuditConfig) -> LoadedProblems:
    if config.split == WHOLE:
        loaded = load_whole(config.data, data_path=config.data_path, limit=config.limit)
    else:
        loaded = load_problems(
            config.data, data_path=config.data_path, split=config.split, limit=config.limit
        )
    problems = with_performance_inputs(loaded.problems, config.performance_inputs)
    return replace(loaded, problems=problems)


def measure(executor: Executor, pairs: Sequence[Pair], log: PairLog) -> None:
    """Measure pairs on all cores, and keep each as it is found.

    One that we failed to run is left out; the same command tries it again.
    """
    started = said = time.monotonic()
    num_before = len(log.rows)

    def run(worker: Worker, pair: Pair) -> None:
        nonlocal said
        log.add(audit_pair(worker, pair))
        now = time.monotonic()
        num_done = len(log.rows) - num_before
        if now - said >= _SECONDS_BETWEEN_LINES or num_done == len(pairs):
            said = now
            left_s = (now - started) / num_done * (len(pairs) - num_done)
            _log.info("%d of %d pairs, about %.0f s left", num_done, len(pairs), left_s)

    results = executor.map(run, pairs, lambda pair: pair.texts)
    for pair, result in zip(pairs, results, strict=True):
        if isinstance(result, SandboxError):
            _log.warning("%s was left out: %s", pair.problem.problem_id, result)
