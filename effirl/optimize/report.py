"""Says what was found, in words and as JSON, and writes it whole or not at all.

runs/optimize-20260131-142530/
    slow.py             the better program, under the name of the one that it replaces
    changes.diff        between the two
    proof.json          what --json prints
    candidates.jsonl    all that the policy wrote, with what became of it
"""

import difflib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effirl.data.programs import parses
from effirl.errors import UserError
from effirl.files import write_whole
from effirl.optimize.config import OptimizeConfig
from effirl.optimize.examples import Assignment
from effirl.optimize.inputs import Inputs
from effirl.optimize.search import Found
from effirl.scoring import CompletionRow
from effirl.tables import aligned
from rewards.measurement import Comparison
from rewards.records import MIB


def unseen_share(num_inputs: int, num_tried: int = 1) -> float:
    """Bound the share of inputs on which two programs differ, having seen them agree on some.

    Args:
        num_inputs: Drawn like those that the bound is for; they agreed on all of them.
        num_tried: Programs that were tried on these inputs, until one agreed.

    Returns:
        The share that 95% confidence leaves: (1 - share) ** num_inputs = 0.05 / (k * (k + 1)) for
        the k-th program tried, which adds up to 0.05 however many are; 1 for no inputs.

    >>> round(unseen_share(32), 3)
    0.109
    """
    level = 0.05 / (num_tried * (num_tried + 1))
    return 1 - level ** (1 / num_inputs) if num_inputs else 1.0


def to_json(
    assignment: Assignment, model: str, config: OptimizeConfig, inputs: Inputs, found: Found
) -> dict[str, Any]:
    """Return everything that was found, as `--json` prints it."""
    rows = found.all_candidates
    statuses = Counter(str(row.status) for row in rows)
    winner = found.winner
    proved = None if winner is None else _measured(winner)
    return {
        "program": str(assignment.path),
        "is_better": winner is not None,
        "reason": None if winner is not None else _why_not(found),
        "written_to": None,
        "model": model,
        "alpha": config.alpha,
        "candidates": {
            "number": len(rows),
            "rounds": len(found.candidates),
            "correct": sum(row.is_correct for row in rows),
            "copies": sum(row.is_copy for row in rows),
            "statuses": dict(statuses.most_common()),
            "wrong_in_proof": sum(row.is_scored and not row.is_correct for row in found.proofs),
        },
        "inputs": {
            "examples": inputs.num_examples,
            "expected_outputs": inputs.num_expected,
            "made_up_for_proof": inputs.num_checks,
            "are_lines_compared": inputs.are_lines_compared,
            "measured_on": len(inputs.proving.performance_inputs),
            "is_proof_separate": inputs.is_proof_separate,
            "is_weakly_judged": inputs.is_weakly_judged,
        },
        "proof": proved,
        "gain_low": found.gain_low if winner is not None else None,
        "differs_on_fewer_than": None
        if winner is None
        else unseen_share(inputs.num_checks, len(found.proofs)),
        "diff": None if winner is None else _diff(assignment, winner),
    }


def to_text(record: Mapping[str, Any]) -> str:
    """Put the same in words."""
    lines = [_candidates_line(record)]
    if not record["is_better"]:
        lines.append(f"nothing provably better was found, nothing was changed: {record['reason']}")
        return "\n".join(lines) + "\n"
    proof, inputs = record["proof"], record["inputs"]
    number = inputs["measured_on"]
    where = (
        f"{_count(number, 'input')} that had no part in the choice"
        if inputs["is_proof_separate"]
        else f"the {_count(number, 'input')} that it was chosen on: there are no others"
    )
    lines += [
        "a better program:",
        *(f"  {line}" for line in aligned([_row(proof, *row) for row in _ROWS])),
        f"  95% intervals, measured anew on {where}",
        *_sureness(record),
        f"written to {record['written_to']}",
        "",
        record["diff"],
    ]
    return "\n".join(lines)


_ROWS = (
    ("speedup", "runtime_s", 1e-3, "ms"),
    ("memory reduction", "peak_bytes", MIB, "MiB"),
)


def _row(proof: Mapping[str, Any], name: str, cost: str, unit: float, label: str) -> list[str]:
    ratio = proof[name.replace(" ", "_")]
    before, after = (proof[f"{side}_{cost}"] / unit for side in ("source", "program"))
    return [
        name,
        f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})",
        f"{before:.1f} {label} -> {after:.1f} {label}",
    ]


def _candidates_line(record: Mapping[str, Any]) -> str:
    found = record["candidates"]
    failed = {name: n for name, n in found["statuses"].items() if name != "OK"}
    listed = ", ".join(f"{n} {name}" for name, n in failed.items())
    return (
        f"{record['program']}: {found['number']} candidates by {record['model']}, "
        f"{found['correct']} correct, {found['copies']} of them copies"
        + (f"; not: {listed}" if listed else "")
    )


def _sureness(record: Mapping[str, Any]) -> list[str]:
    inputs, share = record["inputs"], record["differs_on_fewer_than"]
    lines = [
        f"  right on {_count(inputs['examples'], 'example')}, {inputs['expected_outputs']} of them "
        "with expected outputs"
    ]
    if inputs["made_up_for_proof"]:
        unit = "line by line" if inputs["are_lines_compared"] else "word by word"
        lines.append(
            f"  the same as the original, {unit}, on "
            f"{_count(inputs['made_up_for_proof'], 'made-up input')} that had no part in the "
            f"choice: with 95% confidence it differs on under {share:.0%} of inputs like these"
        )
    else:
        lines.append("  no further inputs could be made: read the changes before you use it")
    if inputs["is_weakly_judged"]:
        lines.append("  some asserts ran beside the program, which could have forged them")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _measured(row: CompletionRow) -> dict[str, Any]:
    c = row.comparison
    assert c is not None
    return {
        "speedup": _ratio(c.time_low, c.time_log2_ratio, c.time_high),
        "memory_reduction": _ratio(c.memory_low, c.memory_log2_ratio, c.memory_high),
        **{name: getattr(c, name) for name in _COSTS},
        "rounds": c.rounds,
    }


_COSTS = ("source_runtime_s", "program_runtime_s", "source_peak_bytes", "program_peak_bytes")


def _ratio(low: float, log2_ratio: float, high: float) -> dict[str, float]:
    return {"value": 2**log2_ratio, "low": 2**low, "high": 2**high}


def _why_not(found: Found) -> str:
    if not found.proofs and found.lacking:
        names = ", ".join(sorted(found.lacking))
        return f"what was faster or leaner no longer defines {names}, which others may use"
    if not found.proofs:
        others = [row for row in found.all_candidates if row.is_correct and not row.is_copy]
        if others:
            return f"none of {len(others)} correct candidates gained anything that noise is not"
        has_copies = any(row.is_copy for row in found.all_candidates)
        return f"no candidate was correct{' but copies of the program' if has_copies else ''}"
    if (last := found.proofs[-1]).is_correct and last.comparison is not None:
        return f"the best candidate did not prove better: {_in_words(last.comparison)}"
    if last.is_correct:
        return "the best candidate waits for others' work, so that its time proves nothing"
    if not last.is_scored:
        return "the best candidate could not be run and measured again; try once more"
    return f"{len(found.proofs)} candidates that seemed better failed on inputs new to them"


def _in_words(c: Comparison) -> str:
    return (
        f"speedup {2**c.time_low:.2f} to {2**c.time_high:.2f}, memory reduction "
        f"{2**c.memory_low:.2f} to {2**c.memory_high:.2f}"
    )


def _diff(assignment: Assignment, winner: CompletionRow) -> str:
    before, after = (
        re.findall(r".*\n|.+", text)  # `splitlines` also ends lines where patch does not
        for text in (assignment.program, _program_text(assignment, winner))
    )
    name = assignment.path.name
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _program_text(assignment: Assignment, winner: CompletionRow) -> str:
    """The better program as a file's content, under the header of the one that it replaces."""
    program = str(winner.program).strip("\n") + "\n"
    with_header = assignment.header + program
    is_whole = program.startswith(assignment.header) or not parses(with_header)
    return program if is_whole else with_header


def write_folder(folder: Path, contents: Mapping[str, str]) -> None:
    """Make a folder with these files, or none.

    Raises:
        UserError: If it cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            whole = Path(temporary) / "whole"
            whole.mkdir()
            for name, content in contents.items():
                (whole / name).write_text(content, encoding="utf-8")
            whole.replace(folder)
    except OSError as error:
        raise UserError(
            f"cannot write {folder}: {error.strerror}; name another --output-dir"
        ) from error


def replace_program(assignment: Assignment, program: str) -> None:
    """Overwrite the user's program, unless it has changed since it was read.

    Raises:
        UserError: If it has, or cannot be written.
    """
    path = assignment.path.resolve()
    try:
        if path.read_text(encoding="utf-8") != assignment.program:
            raise UserError(f"{path} was changed meanwhile, so it was left")
        mode = path.stat().st_mode
        write_whole(path, program)
        path.chmod(mode)
    except OSError as error:
        raise UserError(f"cannot overwrite {path}: {error.strerror}") from error


def contents(assignment: Assignment, record: Mapping[str, Any], found: Found) -> dict[str, str]:
    """The files of the folder, by name."""
    assert found.winner is not None
    rows = [
        json.dumps({"round": number, **row.to_json()}) + "\n"
        for number, rows in enumerate(found.candidates, start=1)
        for row in rows
    ]
    return {
        assignment.path.name: _program_text(assignment, found.winner),
        "changes.diff": str(record["diff"]),
        "proof.json": json.dumps(record, indent=1) + "\n",
        "candidates.jsonl": "".join(rows),
    }
