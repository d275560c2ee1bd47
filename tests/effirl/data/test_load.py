from pathlib import Path

import pytest

from effirl.data import catalog, load
from effirl.data.problems import LoadedProblems, Problem
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig
from effirl.training.config import PpoConfig, SftConfig


@pytest.fixture
def catalog_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake_load(split: str, *, with_tests: bool = True) -> LoadedProblems:
        name = f"{split}-{with_tests}"
        return LoadedProblems([Problem(f"{name}-{i}", "", "pass") for i in range(10)])

    monkeypatch.setattr(catalog, "load", fake_load)


@pytest.mark.usefixtures("catalog_of_ten")
def test_builtin_is_the_catalog() -> None:
    loaded = load.load_problems("builtin", split="transfer", require_tests=False)
    assert [problem.problem_id for problem in loaded.problems] == [
        f"transfer-False-{i}" for i in range(10)
    ]


@pytest.mark.usefixtures("catalog_of_ten")
@pytest.mark.parametrize(
    ("limit", "kept"), [(1, [0]), (3, [0, 3, 6]), (10, range(10)), (99, range(10))]
)
def test_a_limit_spreads_over_the_catalog(limit: int, kept: list[int]) -> None:
    loaded = load.load_problems("builtin", split="test", limit=limit)
    assert [problem.problem_id for problem in loaded.problems] == [f"test-True-{i}" for i in kept]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"data": "humaneval"},
            "resource_util, effibench, mercury, got 'humaneval'",
        ),
        (
            {"data": "pie", "data_path": Path("no/data/here")},
            "is no file or folder here; name one",
        ),
        ({"data": "resource_util"}, "the programs of resource_util cannot be run"),
        ({"data": "mercury", "split": "all"}, "split of mercury must be one of train, val"),
        ({"data": "builtin", "data_path": Path("x")}, "leave out --data-path"),
        ({"data": "builtin", "limit": 0}, "limit must be at least 1, got 0"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        load.load_problems(**arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("catalog_of_ten")
def test_the_whole_is_all_splits() -> None:
    whole = load.load_whole("builtin", require_tests=False)
    assert [problem.problem_id for problem in whole.problems[::10]] == [
        f"{split}-False-0" for split in ("train", "validation", "test", "transfer")
    ]
    assert len(whole.problems) == 40
    assert len(load.load_whole("builtin", limit=7).problems) == 7
    with pytest.raises(UserError, match="data must be one of"):
        load.load_whole("humaneval")


def test_a_whole_may_have_splits_with_nothing_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"train": [Problem("p1", "", "pass")], "validation": [], "test": []}

    def fake_load(_: object, split: str, **__: object) -> LoadedProblems:
        loaded = LoadedProblems(list(found[split]))
        loaded.dropped["no tests"] = 1
        return loaded

    monkeypatch.setattr(load.mercury, "load", fake_load)
    whole = load.load_whole("mercury")
    assert (whole.problems, whole.dropped) == (found["train"], {"no tests": 3})
    found["train"] = []
    with pytest.raises(UserError, match=r"mercury has no usable problem \(left out: 3 no tests\)"):
        load.load_whole("mercury")


def test_no_usable_problem_is_an_error_with_the_reasons(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = LoadedProblems([])
    empty.dropped["no tests"] = 3
    monkeypatch.setattr(load.pie, "load", lambda *args, **kwargs: empty)
    with pytest.raises(UserError, match=r"no usable problem \(left out: 3 no tests\)"):
        load.load_problems("pie", data_path=tmp_path, split="test")


@pytest.mark.parametrize("data", load.EVALUATION_SETS)
def test_training_on_an_evaluation_set_must_be_asked_for(data: str) -> None:
    with pytest.raises(UserError, match=r"is an evaluation set: .* --allow-evaluation-data"):
        SftConfig(data=data)
    with pytest.raises(UserError, match="is an evaluation set"):
        PpoConfig(data=data)
    allowed = SftConfig(data=data, allow_evaluation_data=True, validation_metric="exact_match")
    assert allowed.data == data
    assert EvaluateConfig(data=data).data == data


def test_training_sets_are_no_evaluation_sets() -> None:
    assert set(load.DATA_SETS) - set(load.EVALUATION_SETS) == {
        "builtin",
        "jsonl",
        "pie",
        "mercury",
    }
