"""The command: read, prepare inputs, search, prove, write. See the package's docstring."""

import logging
import os
from pathlib import Path

from effirl.errors import UserError
from effirl.model_files import TUNED_MODEL, locate_model
from effirl.optimize.config import OptimizeConfig
from effirl.optimize.examples import read_assignment
from effirl.optimize.inputs import prepare_inputs
from effirl.output import rendered
from effirl.runs import RUNS, new_run, newest_policy
from rewards.efficiency import EfficiencyReward
from rewards.executor import Executor
from rewards.measurement import PRECISE
from rewards.scores import RewardConfig

logger = logging.getLogger(__name__)


def optimize(config: OptimizeConfig) -> str:
    """Look for a better program; write it only when it is proved.

    Returns:
        The report.

    Raises:
        UserError: If a file, the program or the model is unusable.
        IsolationError: If this machine cannot isolate programs.
    """
    folder = config.output_dir
    if folder is not None:
        _require_new(folder)
    _require_writable(folder or RUNS / "optimize")
    assignment = read_assignment(config)
    if config.in_place:
        _require_replaceable(assignment.path.resolve())
    model = config.model or str(newest_policy() or TUNED_MODEL)
    locate_model(model)
    with Executor() as executor:
        more = "" if assignment.is_function_style else ", and making more inputs of them"
        logger.info(f"running {assignment.path} on its examples ({len(assignment.examples)}){more}")
        inputs = prepare_inputs(executor, assignment, config.seed)
        logger.info(f"sampling {config.num_samples} candidates a round from {model}")
        # Torch is imported here: workers start from a small process.
        from effirl.optimize import report, search

        prices = RewardConfig(alpha=config.alpha)
        chooser = EfficiencyReward(prices, executor)
        prover = EfficiencyReward(prices, executor, plan=PRECISE)
        policy = search.load(model)
        found = search.search(policy, chooser, prover, assignment, inputs, config)
    record = report.to_json(assignment, model, config, inputs, found)
    if found.winner is not None:
        folder = folder or new_run("optimize")
        better = folder / assignment.path.name
        record["written_to"] = str(assignment.path if config.in_place else better)
        contents = report.contents(assignment, record, found)
        report.write_folder(folder, contents)
        if config.in_place:
            try:
                report.replace_program(assignment, contents[assignment.path.name])
            except UserError as error:
                raise UserError(f"{error}; the better program is {better}") from error
    return rendered(report.to_text(record), record)


def _require_new(folder: Path) -> None:
    """See that a whole folder can take this one's place: nothing, or an empty one."""
    if folder.is_symlink() or folder.exists():
        is_empty = folder.is_dir() and not any(folder.iterdir())
        is_fixed = folder.is_symlink() or folder.is_mount() or folder.samefile(Path.cwd())
        if not is_empty or is_fixed:
            raise UserError(f"{folder} is there already; name a new --output-dir, or leave it out")


def _require_replaceable(program: Path) -> None:
    if not (os.access(program, os.W_OK) and os.access(program.parent, os.W_OK)):
        raise UserError(
            f"cannot overwrite {program}: it or its folder refuses; leave --in-place out"
        )


def _require_writable(folder: Path) -> None:
    """See that a folder can be made, before minutes are spent on what goes into it."""
    parent = next(path for path in folder.absolute().parents if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UserError(f"cannot write {folder}: {parent} refuses; name another --output-dir")
