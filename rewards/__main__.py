"""`python -m rewards`: run, measure and score programs from the command line.

Standard output carries one JSON object a line and nothing else (`doctor`: only when asked). Exit
status: 0 when every program was run, whatever came of it; 1 when `doctor` finds isolation below
the floor; 2 for a mistake of the caller, told in one line, or a limit of the shell's that leaves
programs too little; 3 when this machine cannot isolate programs.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from rewards import commands
from rewards.errors import LimitError, ProblemError, SandboxError
from rewards.records import MIB, Limits
from rewards.scores import RewardConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and dispatch; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.command(arguments)
    except (commands.UsageError, ProblemError, LimitError) as error:
        sys.stderr.write(f"rewards: {error}\n")
        return 2
    except SandboxError as error:
        sys.stderr.write(f"rewards: {error}\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("rewards: interrupted\n")
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="python -m rewards", description=__doc__)
    parser.add_argument(
        "--isolation-floor", type=int, choices=range(4), default=1, help="lowest level to accept"
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    run = subparsers.add_parser("run", help="run programs on one input, in isolation")
    run.add_argument("programs", nargs="+", metavar="PROGRAM.py")
    run_input = run.add_mutually_exclusive_group(required=True)
    run_input.add_argument("--stdin", metavar="FILE")
    run_input.add_argument("--tests", metavar="FILE.py", help="asserts, for functions")
    run.add_argument("--expected", metavar="FILE", help="what a correct program prints")
    run.add_argument("--wall-limit", type=_positive, default=Limits().wall_s, metavar="S")
    run.add_argument(
        "--memory-limit", type=_positive, default=Limits().memory_bytes / MIB, metavar="MIB"
    )
    run.add_argument(
        "--whole-process",
        action="store_true",
        help="add what a process of its own costs, interpreter and imports included (as mprof)",
    )
    _add_json(run)
    run.set_defaults(command=commands.run)

    measure = subparsers.add_parser("measure", help="compare a program's cost with its source's")
    measure.add_argument("source", metavar="SOURCE.py")
    measure.add_argument("program", metavar="PROGRAM.py")
    measure_input = measure.add_mutually_exclusive_group(required=True)
    measure_input.add_argument("--stdin", action="append", metavar="FILE")
    measure_input.add_argument("--tests", action="append", metavar="FILE.py", help="asserts")
    measure.add_argument(
        "--count-imports", action="store_true", help="add what loading imported modules costs"
    )
    _add_json(measure)
    measure.set_defaults(command=commands.measure)

    isolation = subparsers.add_parser("isolation", help="what isolates programs here, and why not")
    _add_json(isolation)
    isolation.set_defaults(command=commands.isolation)

    doctor = subparsers.add_parser("doctor", help="what this machine is worth, and what to do")
    doctor.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    doctor.set_defaults(command=commands.doctor)

    score = subparsers.add_parser("score", help="add status, gains and reward to completions")
    score.add_argument(
        "completions",
        metavar="COMPLETIONS.jsonl",
        help="rows of problem_id, source_program, tests, performance_inputs, completion; a test is "
        'for example {"input": "3\\n", "output": "9\\n"}',
    )
    score.add_argument("--alpha", type=float, default=RewardConfig().alpha)
    score.add_argument(
        "--output", metavar="FILE", help="default: COMPLETIONS.scored.jsonl; continued if there"
    )
    score.set_defaults(command=commands.score)

    cache = subparsers.add_parser("cache", help="where outcomes are remembered, and how many")
    cache.add_argument("--folder", metavar="DIR", help="default: EFFIRL_CACHE, or ~/.cache/effirl")
    cache.add_argument("--clear", action="store_true", help="forget them all")
    _add_json(cache)
    cache.set_defaults(command=commands.cache)
    return parser


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line (always so)")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1e9, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
