"""The one place that generates completions, has them run, and scores them.

Training (for its evaluations) and the evaluation command both go through here, so that a figure
means the same in a training log and in a report.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from effirl.data.problems import Problem
from effirl.data.prompts import build_prompt, continuation_prompt, inference_prompt
from effirl.decoding import generate
from effirl.errors import UserError
from effirl.policy import Policy
from rewards.efficiency import ScoreRequest
from rewards.imports import ImportCost
from rewards.measurement import Comparison
from rewards.records import Status
from rewards.scores import Score


class Scorer(Protocol):
    """What scoring needs of `rewards.EfficiencyReward`."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]: ...

    def validate(self, requests: Sequence[ScoreRequest]) -> list[str | None]: ...


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a policy writes its completions."""

    num_samples: int
    temperature: float
    """0 is greedy."""
    max_new_tokens: int
    max_prompt_tokens: int
    batch_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class CompletionRow:
    """A completion and what it was found to be worth: one line of results.jsonl."""

    problem_index: int
    """Place of the problem among those evaluated. Ids repeat where a data set has several source
    programs for one problem."""
    problem_id: str
    sample: int
    completion: str
    program: str | None
    status: Status
    reward: float | None
    """None when we could not run or measure the program: it counts nowhere."""
    time_gain: float
    memory_gain: float
    is_copy: bool
    pass_rate: float
    comparison: Comparison | None
    """None unless the program is correct; the scorer does not time a copy of the source either, nor
    trusts the timing of a program that waits for others' work."""
    program_memory_time_mb_s: float | None = None
    """Memory integrated over time, None until its own pass has run."""
    source_memory_time_mb_s: float | None = None
    program_imports: ImportCost | None = None
    """None until measured: runs leave out what imports cost."""
    source_imports: ImportCost | None = None
    source_program: str = ""
    """What the program is compared with; empty in results of before it was kept."""
    refutation: str | None = None
    """What was held against a gain that was too good; None where nothing was."""
    runtime_percentile: float | None = None
    """Share of the problem's known programs that it beats, None where none were measured."""
    memory_percentile: float | None = None

    @property
    def is_scored(self) -> bool:
        return self.reward is not None

    @property
    def is_correct(self) -> bool:
        return self.is_scored and self.status is Status.OK

    @property
    def is_half_measured(self) -> bool:
        """Whether we failed to measure one of the things that a correct program is measured for."""
        if not self.is_correct or self.is_unmeasured:
            return False
        # Of a refuted one it may be that no timing is trusted.
        is_untimed = self.comparison is None and self.refutation is None
        return is_untimed or None in (self.program_memory_time_mb_s, self.program_imports)

    @property
    def is_unmeasured(self) -> bool:
        """Whether a correct program has no figure: we failed, or its problem has no inputs."""
        found = (self.comparison, self.program_memory_time_mb_s, self.program_imports)
        return self.is_correct and all(each is None for each in found)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CompletionRow":
        """Undo `to_json`.

        Raises:
            TypeError: If a field is missing or unknown.
            ValueError: If the status is unknown.
        """
        changed: dict[str, Any] = {"status": Status(values.get("status", ""))}
        for name, kind in NESTED.items():
            found = values.get(name)
            changed[name] = None if found is None else kind(**found)
        return cls(**{**values, **changed})


NESTED: Mapping[str, type] = {
    "comparison": Comparison,
    "program_imports": ImportCost,
    "source_imports": ImportCost,
}
"""Fields of a row that are dataclasses, or None."""


def policy_prompt(
    policy: Policy,
    problem: Problem,
    alpha: float,
    *,
    runtime_tag: int = 1,
    memory_tag: int = 1,
) -> str:
    """Return what a policy reads of a problem: alpha if it is conditioned, else the tags."""
    if policy.is_conditioned:
        prompt = inference_prompt(problem, alpha)
    else:
        prompt = build_prompt(problem, runtime_tag=runtime_tag, memory_tag=memory_tag)
    return continuation_prompt(prompt) if policy.is_causal else prompt


def sample_completions(
    policy: Policy,
    problems: Sequence[Problem],
    sampling: Sampling,
    prompt: Callable[[Problem], str],
) -> list[list[str]]:
    """Have a policy write `sampling.num_samples` completions for each problem.

    Args:
        policy: Of any kind.
        problems: What to complete.
        sampling: How.
        prompt: What the policy reads of a problem.
    """
    return generate(
        policy,
        [prompt(problem) for problem in problems],
        num_samples=sampling.num_samples,
        temperature=sampling.temperature,
        max_new_tokens=sampling.max_new_tokens,
        max_prompt_tokens=sampling.max_prompt_tokens,
        batch_size=sampling.batch_size,
        seed=sampling.seed,
    )


def control_completions(control: str, problems: Sequence[Problem]) -> list[list[str]]:
    """Give each problem the one completion that a control stands for.

    Args:
        control: `source` (the source program unchanged) or `target` (the data's improved program).
        problems: What to complete.

    Raises:
        UserError: If the data has no target for a problem.
    """
    if control == "source":
        return [[problem.source_program] for problem in problems]
    assert control == "target", control
    for problem in problems:
        if not problem.targets:
            raise UserError(
                f"control target needs an improved program for every problem, {problem.problem_id} "
                "has none; evaluate --model source, or another data set"
            )
    return [[problem.targets[0].program] for problem in problems]


def find_unusable(scorer: Scorer, problems: Sequence[Problem]) -> list[str | None]:
    """Run the source programs on their own tests.

    Returns:
        For each problem None, or why nothing can be scored against its source program.
    """
    return scorer.validate([problem.request("") for problem in problems])


def score_completions(
    scorer: Scorer,
    problems: Sequence[Problem],
    completions: Sequence[Sequence[str]],
    *,
    alpha: float | None = None,
    indices: Sequence[int] | None = None,
) -> list[CompletionRow]:
    """Run and score the completions of each problem, in one call of the scorer.

    Args:
        scorer: Usually an `EfficiencyReward`.
        problems: In the order of `completions`.
        completions: Those of one problem each.
        alpha: None for the scorer's own.
        indices: `problem_index` of each problem, None for 0, 1, 2...
    """
    places = [
        (index, sample, problem, completion)
        for index, problem, samples in zip(
            range(len(problems)) if indices is None else indices,
            problems,
            completions,
            strict=True,
        )
        for sample, completion in enumerate(samples)
    ]
    scores = scorer.score(
        [problem.request(completion, alpha) for _, _, problem, completion in places]
    )
    return [
        CompletionRow(
            problem_index=index,
            problem_id=problem.problem_id,
            sample=sample,
            completion=completion,
            program=score.program,
            status=score.status,
            reward=score.reward,
            time_gain=score.time_gain,
            memory_gain=score.memory_gain,
            is_copy=score.is_copy,
            pass_rate=score.pass_rate,
            comparison=score.comparison,
            source_program=problem.source_program,
            refutation=score.refutation,
        )
        for (index, sample, problem, completion), score in zip(places, scores, strict=True)
    ]
