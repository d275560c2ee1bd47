"""The command: run folders in, the study out."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

from effirl.errors import UserError
from effirl.evaluation.pareto import trade_off
from effirl.evaluation.trade_off_files import write_trade_off
from effirl.files import write_whole
from effirl.output import rendered
from effirl.report.answers import answer
from effirl.report.checks import check
from effirl.report.comparisons import Pairs
from effirl.report.page import study_page
from effirl.report.study import read_study


def report(folders: Sequence[Path], output_dir: Path) -> str:
    """Read run folders, and write the study's page, its answers and its trade-off.

    Args:
        folders: Of sweeps, training runs and evaluations; all that is below them is read.
        output_dir: Gets index.html, answers.json, metrics.json (what must hold), and the
            trade-off's files.

    Returns:
        The four answers, for a terminal.

    Raises:
        UserError: If the folders cannot be put together, or the output cannot be written.
    """
    study = read_study(folders)
    pairs = Pairs()
    answers = answer(study, pairs)
    found = trade_off([group.candidate for group in study.groups])
    checks = check(study, found, pairs)
    page = study_page(study, answers, checks, found)
    document = [
        asdict(each)
        | {"verdict": each.verdict, "by_seed": [None if isnan(v) else v for v in each.by_seed]}
        for each in checks
    ]
    documents = {"answers.json": [*map(asdict, answers)], "metrics.json": document}
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        write_trade_off(output_dir, found)
        for name, content in documents.items():
            write_whole(output_dir / name, json.dumps(content, indent=2) + "\n")
        write_whole(output_dir / "index.html", page)
    except OSError as error:
        raise UserError(f"cannot write {output_dir}: {error.strerror}") from error
    counts = Counter(each.verdict for each in checks)
    lines = [
        f"{each.name} {each.question} {each.verdict.upper()}\n   {each.words}" for each in answers
    ]
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in counts)
    text = "\n".join(
        [*lines, f"must hold: {summary}", "", f"the study: {output_dir / 'index.html'}", ""]
    )
    return rendered(text, {"answers": [*map(asdict, answers)], "must_hold": document})
