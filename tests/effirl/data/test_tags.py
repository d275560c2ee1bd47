"""Tags from measured gains, with their threshold."""

import json
from pathlib import Path
from typing import Any

import pytest

from effirl.data import catalog
from effirl.data.problems import Problem, Target
from effirl.data.prompts import BALANCES
from effirl.data.tags import tag_by_gains, with_objective
from effirl.errors import UserError

PAIR = Problem("p", "Print.", "print(1 + 0)", targets=(Target("print(1)", 0, None),))
OTHER = Problem("q", "Print.", "print(2 + 0)", targets=(Target("print(2)", 1, 1),))


def row(**changes: Any) -> dict[str, Any]:
    values = {
        "source_program": "print( 1 + 0 )  # spacing is no difference",
        "target_program": "print(1)", "time_gain": 0.2, "memory_gain": -0.03,
    }  # fmt: skip
    return values | changes


def write(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    path = tmp_path / "measured.jsonl"
    path.write_text("".join(json.dumps(values) + "\n" for values in rows))
    return path


def test_a_table_decides_and_the_columns_are_the_fall_back(tmp_path: Path) -> None:
    tagged, line = tag_by_gains([PAIR, OTHER], "pie", write(tmp_path, row()), 0.6)
    assert [(t.runtime_tag, t.memory_tag) for p in tagged for t in p.targets] == [(1, 0), (1, 1)]
    assert "1 of 2 from measured gains" in line
    assert "own columns" in line


def test_the_threshold_is_a_setting(tmp_path: Path) -> None:
    ((target,), _) = (p.targets for p in tag_by_gains(
        [PAIR, OTHER], "pie", write(tmp_path, row()), 0.61)[0])  # fmt: skip
    assert (target.runtime_tag, target.memory_tag) == (0, 0)
    assert target.balances == ()  # of an only target there is nothing to choose


def test_a_target_far_behind_a_better_one_is_minor(tmp_path: Path) -> None:
    """Both ends of a trade-off gain much over the source; the tags must still tell them apart."""
    fast, lean, near = (Target(f"print({name!r})") for name in ("fast", "lean", "near"))
    problem = Problem("p", "Print.", "print(1 + 0)", targets=(fast, lean, near))
    gains = {fast: (0.7, 0.3), lean: (0.25, 0.64), near: (0.6, 0.64)}
    table = write(
        tmp_path,
        *(row(target_program=target.program, time_gain=time, memory_gain=memory)
          for target, (time, memory) in gains.items()),
    )  # fmt: skip
    ((tagged,), line) = tag_by_gains([problem], "pie", table, 0.6)
    # Equally lean ones are told apart by runtime, so `lean` is the best nowhere: it is left out.
    assert [t.program for t in tagged.targets] == [fast.program, near.program]
    assert "left out: 1 that others of their problem beat" in line
    assert [(t.runtime_tag, t.memory_tag) for t in tagged.targets] == [(1, 0), (1, 1)]
    assert [t.balances for t in tagged.targets] == [BALANCES[-2:], BALANCES[:-2]]


def test_what_is_not_measured_is_beaten_by_nothing(tmp_path: Path) -> None:
    fast, slow, unknown = (Target(f"print({name!r})", 0, 0) for name in ("fast", "slow", "unknown"))
    problem = Problem("p", "Print.", "print(1 + 0)", targets=(fast, slow, unknown))
    table = write(
        tmp_path,
        row(target_program=fast.program, time_gain=0.7),
        row(target_program=slow.program, time_gain=0.1),
    )
    ((tagged,), line) = tag_by_gains([problem], "pie", table, 0.6)
    assert [t.program for t in tagged.targets] == [fast.program, unknown.program]
    assert tagged.targets[1] == unknown
    assert "left out: 1 " in line


def test_parquet_is_read_too(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    path = tmp_path / "measured.parquet"
    unmeasured = row(source_program="print(2 + 0)", target_program="print(2)", time_gain=None)
    pyarrow.parquet.write_table(pa.Table.from_pylist([row(), unmeasured]), path)
    tagged, line = tag_by_gains([PAIR, OTHER], "pie", path, 0.6)
    assert tagged[0].targets[0].runtime_tag == 1
    assert tagged[1] == OTHER
    assert "1 of 2" in line


def test_without_a_table_real_data_keeps_its_own_tags_and_says_so() -> None:
    tagged, line = tag_by_gains([PAIR], "pie", None, 0.6)
    assert tagged == [PAIR]
    assert "own columns" in line


def test_the_catalog_has_measured_gains() -> None:
    problems = catalog.load("train", instances_per_family=1, with_tests=False).problems
    usual, line = tag_by_gains(problems, "builtin", None, 0.6)
    tags = {(t.name, t.runtime_tag, t.memory_tag) for p in usual for t in p.targets}
    for problem in usual:
        assert sorted(a for t in problem.targets for a in t.balances) == [*BALANCES]
        assert all(t.balances for t in problem.targets)  # the others are left out
    assert {("fast", 1, 0), ("fast", 1, 1), ("lean", 0, 1), ("lean", 1, 1)} <= tags
    assert ("lean", 1, 0) not in tags
    assert "own columns" not in line
    strict, _ = tag_by_gains(problems, "builtin", None, 2.0)
    assert 0 < len(with_objective(strict, "runtime")) < len(with_objective(usual, "runtime"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"time_gain": "fast"}, r"jsonl:1: 'time_gain' must be a number"),
     ({"source_program": 3}, r"jsonl:1: 'source_program' must be a text")],
)  # fmt: skip
def test_a_bad_row_names_its_line(tmp_path: Path, changes: Any, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        tag_by_gains([PAIR], "pie", write(tmp_path, row(**changes)), 0.6)


def test_a_table_without_gains_is_none(tmp_path: Path) -> None:
    other = {name: value for name, value in row().items() if name != "memory_gain"}
    with pytest.raises(UserError, match=r"jsonl:1: key 'memory_gain' is missing; --measured-gains"):
        tag_by_gains([PAIR], "pie", write(tmp_path, other), 0.6)


def test_an_absent_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent\.parquet"):
        tag_by_gains([PAIR], "pie", tmp_path / "absent.parquet", 0.6)


def test_an_objective_keeps_what_is_significant_in_it() -> None:
    targets = (Target("a", 1, 0), Target("b", 0, 1), Target("c", None, None))
    both = Problem("p", "Print.", "s", targets=targets)
    ((runtime,),) = (p.targets for p in with_objective([both, PAIR], "runtime"))
    ((memory,),) = (p.targets for p in with_objective([both, PAIR], "memory"))
    assert (runtime.program, memory.program) == ("a", "b")
    assert with_objective([both, PAIR], "both") == [both, PAIR]
