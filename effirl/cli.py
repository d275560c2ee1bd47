"""The commands, each a line in `scripts/` and a word after `effirl`.

Training commands are started through `accelerate launch scripts/NAME.py`; `effirl NAME` runs the
same in one process.
"""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from effirl import __version__
from effirl.config import exit_on_user_error, parse, set_environment
from effirl.errors import UserError
from effirl.output import (
    FLAGS_HELP,
    JSON_FLAG,
    QUIET_FLAG,
    is_quiet,
    rendered,
    take_flags,
    wants_json,
)

if TYPE_CHECKING:
    from effirl.runs import Run

Arguments = Sequence[str] | None


@contextmanager
def _command(argv: Arguments, *, has_json: bool = False) -> Iterator[list[str]]:
    """What every command does first, and how every one ends.

    Args:
        argv: Without the program's name; None takes the process's own.
        has_json: Whether the command can answer in JSON.

    Yields:
        The arguments, without those that every command has.
    """
    arguments = take_flags(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("effirl").setLevel(logging.WARNING if is_quiet() else logging.INFO)
    set_environment()
    warnings.filterwarnings("ignore", category=SyntaxWarning)  # of the programs that are parsed
    with exit_on_user_error():
        try:
            if wants_json() and not has_json:
                raise UserError(f"this command has no JSON answer; leave {JSON_FLAG} out")
            yield arguments
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] in ("effirl", "rewards"):
                raise
            raise UserError(
                f"{error.name} is not installed; install what the commands need: "
                "pip install 'effirl[train]'"
            ) from error


def _say_where(run: "Run") -> None:
    """End a training: where the policy is."""
    if os.environ.get("RANK", "0") == "0":
        where = {"run": str(run.path), "model": str(run.model_path)}
        sys.stdout.write(rendered(f"saved {run.model_path}\n", where))


def sft(argv: Arguments = None) -> None:
    """Warm-start a policy on slow -> better pairs."""
    with _command(argv, has_json=True) as arguments:
        from effirl.training.config import SftConfig
        from effirl.training.execution import start_scorer

        config = parse(SftConfig, arguments)
        with start_scorer(config) as scorer:  # before torch: workers start from a small process
            from effirl.training.sft import train

            _say_where(train(config, scorer))


def ppo(argv: Arguments = None) -> None:
    """Reinforce a policy on measured runtime and memory."""
    with _command(argv, has_json=True) as arguments:
        from effirl.training.config import PpoConfig
        from effirl.training.reward import start_reward

        config = parse(PpoConfig, arguments)
        with start_reward(config) as reward:  # before torch: workers start from a small process
            from effirl.training.ppo import train

            _say_where(train(config, reward))


def evaluate(argv: Arguments = None) -> None:
    """Measure how correct, fast and lean a policy's programs are."""
    with _command(argv, has_json=True) as arguments:
        from effirl.evaluation.config import EvaluateConfig

        config = parse(EvaluateConfig, arguments)
        from effirl.evaluation.run import evaluate as run

        sys.stdout.write(run(config))


def sweep(argv: Arguments = None) -> None:
    """Train at several balances of runtime and memory, and draw the trade-off."""
    with _command(argv, has_json=True) as arguments:
        from effirl.evaluation.config import SweepConfig

        config = parse(SweepConfig, arguments)
        from effirl.sweep import sweep as run

        sys.stdout.write(run(config))


def phases(argv: Arguments = None) -> None:
    """Warm-start in phases, runtime then memory, and compare them."""
    with _command(argv, has_json=True) as arguments:
        from effirl.training.phases_config import PhasesConfig

        config = parse(PhasesConfig, arguments)
        from effirl.phases import train_phases

        sys.stdout.write(train_phases(config))


def study(argv: Arguments = None) -> None:
    """Run the whole study: phases, reinforcement, controls, report."""
    with _command(argv, has_json=True) as arguments:
        from effirl.evaluation.config import StudyConfig

        config = parse(StudyConfig, arguments)
        from effirl.experiments import study as run

        sys.stdout.write(run(config))


def simulate_reward(argv: Arguments = None) -> None:
    """Price a run's logged rollouts under another alpha or other weights."""
    with _command(argv) as arguments:
        from effirl.training.simulate import SimulateConfig, simulate

        sys.stdout.write(simulate(parse(SimulateConfig, arguments)))


def make_inputs(argv: Arguments = None) -> None:
    """Make test cases of PIE's problems large enough to measure."""
    with _command(argv) as arguments:
        from effirl.data.perf_inputs.command import make_inputs as run
        from effirl.data.perf_inputs.command import parse_arguments

        sys.stdout.write(run(parse_arguments(arguments)))


def audit(argv: Arguments = None) -> None:
    """Measure every pair of a data set anew, beside what the data set claims."""
    with _command(argv) as arguments:
        from effirl.audit.command import audit as run
        from effirl.audit.config import AuditConfig

        sys.stdout.write(run(parse(AuditConfig, arguments)))


def demo(argv: Arguments = None) -> None:
    """Warm-start, reinforce and evaluate the built-in model."""
    with _command(argv) as arguments:
        parser = argparse.ArgumentParser(prog="effirl demo", description=demo.__doc__)
        parser.add_argument("--output-dir", type=Path, default=Path("runs/demo"))
        output_dir: Path = parser.parse_args(arguments).output_dir
        from effirl.demo import demo as run

        sys.stdout.write(run(output_dir))


def optimize(argv: Arguments = None) -> None:
    """Improve a program of yours, with proof: effirl optimize slow.py --stdin-dir FOLDER."""
    with _command(argv, has_json=True) as arguments:
        from effirl.optimize.config import parse_arguments

        config = parse_arguments(arguments)
        from effirl.optimize.command import optimize as run

        try:
            sys.stdout.write(run(config))
        except KeyboardInterrupt:
            raise KeyboardInterrupt("nothing was written, and nothing changed") from None


def report(argv: Arguments = None) -> None:
    """Answer whether tuning helped, and what it cost, from run folders."""
    with _command(argv, has_json=True) as arguments:
        parser = argparse.ArgumentParser(prog="effirl report", description=report.__doc__)
        parser.add_argument(
            "folders", nargs="+", type=Path, metavar="RUN_DIR",
            help="folder of a sweep, a training run or an evaluation, with all that is below it",
        )  # fmt: skip
        parser.add_argument("--output-dir", type=Path, default=Path("runs/report"))
        parsed = parser.parse_args(arguments)
        from effirl.report.command import report as run

        sys.stdout.write(run(parsed.folders, parsed.output_dir))


def publish(argv: Arguments = None) -> None:
    """Give a finished run to others: a model folder with its card, here or on the hub."""
    with _command(argv) as arguments:
        from effirl.publish.arguments import parse_arguments
        from effirl.publish.command import publish as run

        sys.stdout.write(run(parse_arguments(arguments)))


def pretrain(argv: Arguments = None) -> None:
    """Pre-train the built-in model."""
    with _command(argv) as arguments:
        from effirl.training.pretrain_config import PretrainConfig

        config = parse(PretrainConfig, arguments)
        from effirl.training.pretrain import pretrain as run

        run(config)


def doctor(argv: Arguments = None) -> None:
    """Say what this machine is worth for measuring, and what to do about it."""
    from rewards.__main__ import main as run

    arguments = take_flags(sys.argv[1:] if argv is None else argv)
    raise SystemExit(run(["doctor", *arguments, *([JSON_FLAG] if wants_json() else [])]))


def completion(argv: Arguments = None) -> None:
    """Print a script that completes commands and settings: bash, zsh or tcsh."""
    with _command(argv) as arguments:
        parser = argparse.ArgumentParser(prog="effirl completion", description=completion.__doc__)
        parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
        shell: str = parser.parse_args(arguments).shell
        import shtab

        sys.stdout.write(shtab.complete(_completed_parser(), shell) + "\n")


def _completed_parser() -> argparse.ArgumentParser:
    """All commands and their settings, for completion alone."""
    parser = argparse.ArgumentParser(prog="effirl")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers()
    classes = config_classes()
    for name, run in COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__)
        for field in fields(classes[name]) if name in classes else ():
            flag = f"--{field.name.replace('_', '-')}"
            command.add_argument(flag, help=str(field.metadata["help"]))
    return parser


def config_classes() -> dict[str, Any]:
    """The settings of each command that reads YAML, by its name."""
    from effirl.audit.config import AuditConfig
    from effirl.evaluation.config import EvaluateConfig, StudyConfig, SweepConfig
    from effirl.optimize.config import OptimizeConfig
    from effirl.training.config import PpoConfig, SftConfig
    from effirl.training.phases_config import PhasesConfig
    from effirl.training.pretrain_config import PretrainConfig
    from effirl.training.simulate import SimulateConfig

    return {
        "sft": SftConfig,
        "phases": PhasesConfig,
        "ppo": PpoConfig,
        "evaluate": EvaluateConfig,
        "sweep": SweepConfig,
        "study": StudyConfig,
        "optimize": OptimizeConfig,
        "simulate-reward": SimulateConfig,
        "pretrain": PretrainConfig,
        "audit": AuditConfig,
    }


COMMANDS: Final[dict[str, Callable[[Arguments], None]]] = {
    "demo": demo,
    "sft": sft,
    "phases": phases,
    "ppo": ppo,
    "evaluate": evaluate,
    "sweep": sweep,
    "optimize": optimize,
    "report": report,
    "study": study,
    "publish": publish,
    "simulate-reward": simulate_reward,
    "pretrain": pretrain,
    "make-inputs": make_inputs,
    "audit": audit,
    "doctor": doctor,
    "completion": completion,
}


def main() -> None:
    """Run `effirl COMMAND ...`."""
    listing = "\n".join(f"  {name:<16} {run.__doc__}" for name, run in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="effirl",
        description="Fine-tune a code model so that its Python runs faster and uses less memory.",
        epilog=f"commands:\n{listing}\n\n'effirl COMMAND --help' lists a command's settings.\n"
        f"{FLAGS_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="effirl [--version] [--quiet] [--json] COMMAND [settings]",
    )
    parser.add_argument("--version", action="version", version=f"effirl {__version__}")
    parser.add_argument(QUIET_FLAG, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(JSON_FLAG, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    parser.add_argument("settings", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args(sys.argv[1:] or ["--help"])
    take_flags(sys.argv)  # also before the command
    COMMANDS[arguments.command](arguments.settings)


if __name__ == "__main__":
    main()
