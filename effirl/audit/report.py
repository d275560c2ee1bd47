"""What an audit found, as files and as a text for the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from effirl.audit.measuring import Audited
from effirl.audit.plots import plot_claims, plot_gains
from effirl.audit.results import PARQUET_FILE, write_pairs
from effirl.audit.sharing import Shared
from effirl.audit.tables import all_tables
from effirl.data.perf_inputs import describe_inputs
from effirl.data.problems import LoadedProblems
from effirl.evaluation.report_text import command
from effirl.files import write_whole
from rewards.machine import fingerprint

REPORT_FILE = "audit.md"
CLAIMS_FILE = "speedups.png"
GAINS_FILE = "gains.png"


def write_report(
    folder: Path,
    settings: Mapping[str, object],
    loaded: LoadedProblems,
    found: Sequence[Audited],
    shared: Sequence[Shared],
) -> str:
    """Write the files of an audit beside its pairs.

    Args:
        folder: Where they go.
        settings: As resolved, for the report.
        loaded: The problems, and how many rows were left out.
        found: At least one pair.
        shared: What other data sets have of them.

    Returns:
        The tables, for a terminal.
    """
    tables = all_tables(found, shared)
    notes = _notes(loaded, found)
    write_pairs(folder / PARQUET_FILE, found)
    plot_claims(found, folder / CLAIMS_FILE)
    plot_gains(found, folder / GAINS_FILE)
    title = f"Audit of {settings['data']}, split {settings['split']}"
    parts = [
        f"# {title}",
        "\n".join(f"- {note}" for note in notes),
        *(table.markdown() for table in tables),
        f"![Claimed and measured speedup]({CLAIMS_FILE})",
        f"![Measured gains]({GAINS_FILE})",
        "## How it was made",
        f"```\n{command()}\n```",
        "\n".join(f"- {name}: {value}" for name, value in settings.items()),
        "## Machine",
        "\n".join(f"- {name}: {value}" for name, value in fingerprint().items()),
    ]
    write_whole(folder / REPORT_FILE, "\n\n".join(parts) + "\n")
    written = ", ".join((REPORT_FILE, PARQUET_FILE, CLAIMS_FILE, GAINS_FILE))
    texts = [title, *notes, "", *(table.text() for table in tables)]
    return "\n".join([*texts, f"written to {folder}: {written}", ""])


def _notes(loaded: LoadedProblems, found: Sequence[Audited]) -> list[str]:
    num_dropped = loaded.dropped.total()
    num_pairs = sum(len(problem.targets) for problem in loaded.problems)
    num_problems = len({audited.row.problem_id for audited in found})
    notes = [f"pairs: {len(found)}, of problems: {num_problems}"]
    if num_dropped:
        listed = ", ".join(f"{count} {reason}" for reason, count in loaded.dropped.most_common())
        notes.append(f"rows of the data left out: {num_dropped} ({listed})")
    if num_pairs > len(found):
        notes.append(
            f"pairs that could not be run or measured: {num_pairs - len(found)}; the same command "
            "tries them again"
        )
    return [*notes, *filter(None, [describe_inputs(loaded.problems)])]
