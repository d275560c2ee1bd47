"""What a warm start loads: its own pairs, those it replays, those it validates on."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from effirl.config import FieldError, parse
from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.errors import UserError
from effirl.runs import settings
from effirl.training import pairs as module
from effirl.training.config import SftConfig
from effirl.training.pairs import load_pairs
from effirl.training.phases_config import PhasesConfig
from tests.shared import shared_path

FAST = Problem("f", "Sort.", "print(sorted([2, 1]))", targets=(Target("print([1, 2])", 1, 0),))
LEAN = Problem("l", "Print.", "print(1 + 0)", targets=(Target("print(1)", 0, 1),))
HELD_OUT = Problem("v", "Print.", "print(3 + 0)", targets=(Target("print(3)", 1, 1),))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []

    def load(data: str, **options: Any) -> LoadedProblems:
        made.append(options)
        if data == "pie" and options["require_tests"]:
            raise UserError("there are no tests")
        return LoadedProblems([HELD_OUT] if options["split"] == "validation" else [FAST, LEAN])

    monkeypatch.setattr(module, "load_problems", load)
    return made


def config(**overrides: Any) -> SftConfig:
    return SftConfig(**({"data": "mercury"} | overrides))


def run_folder(path: Path, values: SftConfig) -> str:
    path.mkdir()
    (path / "config.yaml").write_text(yaml.safe_dump(settings(values)))
    return str(path)


def test_a_phase_has_its_own_pairs_and_those_of_the_runs_it_replays(
    calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    measured = tmp_path / "measured.jsonl"
    measured.write_text("")
    before = config(objective="runtime", measured_gains=measured, data_path=tmp_path)
    found = load_pairs(
        config(objective="memory", replay_from=[run_folder(tmp_path / "runtime", before)])
    )
    assert (found.train, found.replayed, found.validation) == ([LEAN], [FAST], [HELD_OUT])
    assert found.earlier == ["runtime"]
    assert found.footprint.problem_ids == {"f", "l"}
    assert [call["require_tests"] for call in calls] == [False, False, True]


def test_a_share_of_nothing_loads_nothing(calls: list[dict[str, Any]]) -> None:
    assert load_pairs(config(replay_share=0, replay_from=["absent"])).replayed == []


def test_pairs_can_be_picked_by_a_text(calls: list[dict[str, Any]]) -> None:
    assert load_pairs(config(containing="sort")).train == [FAST]
    with pytest.raises(UserError, match=r"containing 'sort' has a significant gain in memory"):
        load_pairs(config(containing="sort", objective="memory"))


def test_without_tests_the_cheap_metric_is_named(calls: list[dict[str, Any]]) -> None:
    with pytest.raises(UserError, match=r"no tests; or .*--validation-metric exact_match"):
        load_pairs(config(data="pie"))
    assert load_pairs(config(data="pie", validation_metric="exact_match")).train == [FAST, LEAN]
    with pytest.raises(FieldError, match="validation_metric must be exact_match"):
        config(data="resource_util", allow_evaluation_data=True)


def test_a_folder_that_is_no_warm_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"replay-from .*absent is no run folder"):
        load_pairs(config(replay_from=[str(tmp_path / "absent")]))
    (tmp_path / "config.yaml").write_text("alpha: 0.5\n")
    with pytest.raises(UserError, match="is no warm start of this version"):
        load_pairs(config(replay_from=[str(tmp_path)]))


def test_the_plan_of_the_origin_finds_its_pairs_in_the_real_sets() -> None:
    folder = shared_path("data", "nofuneval")
    config_file = Path(__file__).parents[3] / "configs" / "phases_origin.yaml"
    plan = parse(PhasesConfig, ["--config", str(config_file), "--data-path", str(folder)])
    runtime, memory = (load_pairs(plan.settings_of(phase)) for phase in plan.phases)
    assert all(t.runtime_tag == 1 for problem in runtime.train for t in problem.targets)
    assert {t.name for problem in memory.train for t in problem.targets} == {"memory"}
    assert len(runtime.train) > 20
    assert len(memory.train) > 20
    for phase, pairs in zip(plan.phases, (runtime, memory), strict=True):
        # Tokens are pieces of these, so there are more of them: by a half, to be safe.
        shortest = min(
            len(re.findall(r"\w+|[^\w\s]+|\s+", target.program))
            for problem in pairs.validation
            for target in problem.targets
        )
        assert 1.5 * shortest < plan.settings_of(phase).max_target_tokens, phase
