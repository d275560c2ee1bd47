"""DiffBLEU: how much a program's edit reads like the data set's own edit. A metric of text only.

NoFunEval scores `resource_util` with it, since nothing there can be run. It knows nothing of
correctness or resources: a program that does not compile can score 1, and an equally good edit by
another route scores near 0. It never enters a reward.

Both edits are `git diff`s from the source program, without context, comments and blank lines; the
score is the sentence BLEU-4 of one against the other, in [0, 1]. An unchanged or empty program
scores 0. Hunk headers count as words, as in the benchmark, and so does the removal of comments by
pattern, which takes `//` inside a text for a comment.

Source: microsoft/NoFunEval@c82a903:src/utils.py, and nltk's sentence BLEU with its first smoothing
(0.1 for an n-gram order without a match).
"""

import io
import math
import os
import re
import subprocess
import tempfile
import tokenize
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from effirl.errors import UserError

MAX_ORDER = 4
_EPSILON = 0.1
_WORD = re.compile(r"\w+|[^\w\s]+")
_SLASH_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_PYTHON_COMMENT = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"|#[^\n]*", re.DOTALL)
_SLASH_LANGUAGES = (
    "java", "javascript", "scala", "kotlin", "c++", "c", "ino", "objectivec",
)  # fmt: skip
_ASSEMBLY_COMMENT = re.compile(r"[;#][^\n]*|/\*.*?\*/", re.DOTALL)
_NUM_HEADER_LINES = 4
_NO_NEWLINE = "No newline at end of file"
_GIT = (
    *("git", "diff", "--no-index", "--no-color", "--no-ext-diff", "-U0"),
    *("--ignore-all-space", "--ignore-blank-lines", "source", "edited"),
)


def diff_bleu(source_program: str, target: str, program: str, language: str) -> float:
    """Score an edit of a source program against the data set's own.

    Args:
        source_program: What both edits start from.
        target: The data set's edited program.
        program: The edited program to score.
        language: In lower case, for its comments; an unknown one keeps them.

    Raises:
        UserError: If git is not installed.
    """
    source, wanted, found = (
        without_comments(text, language) for text in (source_program, target, program)
    )
    if not found.strip():
        return 0.0
    return bleu(_WORD.findall(_diff(source, wanted)), _WORD.findall(_diff(source, found)))


def bleu(reference: Sequence[str], candidate: Sequence[str]) -> float:
    """Return the sentence BLEU-4 of some words against one reference.

    >>> round(bleu("a b c d e".split(), "a b c d f".split()), 4)
    0.6687
    """
    matches, totals = [], []
    for order in range(1, MAX_ORDER + 1):
        candidates, references = _ngrams(candidate, order), _ngrams(reference, order)
        matches.append(sum((candidates & references).values()))
        totals.append(max(1, candidates.total()))
    if not matches[0]:
        return 0.0
    logs = [
        math.log((found or _EPSILON) / total) for found, total in zip(matches, totals, strict=True)
    ]
    brevity = min(0.0, 1 - len(reference) / len(candidate))
    return math.exp(brevity + sum(logs) / MAX_ORDER)


def without_comments(program: str, language: str) -> str:
    r"""Take comments and blank lines out.

    >>> without_comments("a = 1  # one\n\n'''two'''\nb = '#'", "python")
    "a = 1  \nb = '#'"
    >>> without_comments("a(); // one\n/* two\n */ b();", "java")
    'a(); \n b();'
    """
    if language == "python":
        program = _without_python_comments(program)
    elif language in _SLASH_LANGUAGES:
        program = _SLASH_COMMENT.sub("", program)
    elif language == "assembly":
        program = _ASSEMBLY_COMMENT.sub("", program)
    return "\n".join(line for line in program.split("\n") if line.strip())


def _without_python_comments(program: str) -> str:
    """Also without texts that stand alone, as docstrings do; by pattern if it is no Python."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(program).readline))
    except (tokenize.TokenError, SyntaxError):
        return _PYTHON_COMMENT.sub("", program)
    lines = io.StringIO(program).readlines()
    layout = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)
    for index in reversed(range(len(tokens))):
        token = tokens[index]
        stands_alone = token.type == tokenize.STRING and (
            (index == 0 or tokens[index - 1].type in layout)
            and tokens[index + 1].type in (tokenize.NEWLINE, tokenize.ENDMARKER)
        )
        if token.type == tokenize.COMMENT or stands_alone:
            _cut(lines, token.start, token.end)
    return "".join(lines)


def _cut(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Remove a stretch of text, given as (line from 1, column from 0)."""
    (first, left), (last, right) = start, end
    rest = lines[last - 1][right:]
    lines[first - 1] = lines[first - 1][:left] + rest
    for number in range(first, last):
        lines[number] = ""


def _diff(source: str, edited: str) -> str:
    with tempfile.TemporaryDirectory(prefix="effirl-diff-") as folder:
        for name, text in (("source", source), ("edited", edited)):
            (Path(folder) / name).write_text(text, encoding="utf-8")
        try:
            # The user's own settings of git must not change a score.
            environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
            found = subprocess.run(_GIT, cwd=folder, capture_output=True, env=environment)
        except OSError as error:
            raise UserError(
                f"cannot run git ({error.strerror}), which DiffBLEU is defined by; install it"
            ) from error
    lines = found.stdout.decode("utf-8", errors="replace").split("\n")[_NUM_HEADER_LINES:]
    return "\n".join(line for line in lines if _NO_NEWLINE not in line)


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
