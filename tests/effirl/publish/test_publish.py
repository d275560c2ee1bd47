"""A run of fake figures is published, and what comes out is loaded again."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from effirl import cli
from effirl.data.overlap import Footprint, trained_on
from effirl.data.problems import LoadedProblems, Problem
from effirl.data.prompts import is_conditioned, mark_conditioned
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.report import write_report
from effirl.evaluation.results import check_provenance
from effirl.policy import Policy, add_lora, load_policy
from effirl.publish import hub
from effirl.publish.arguments import parse_arguments
from effirl.publish.command import publish
from effirl.publish.lineage import lineage
from effirl.runs import settings
from effirl.training.config import PpoConfig, SftConfig
from tests.effirl.evaluation.rows import correct, failed

MEASURED = {"machine": {"cpu": "abacus", "cores": "2"}, "isolation": {"level": 3}}
SECRET_PATH = "/home/somebody/secret/place/pie"


def make_run(path: Path, config: SftConfig | PpoConfig, weights: Path) -> Path:
    shutil.copytree(weights, path / "model")
    (path / "config.yaml").write_text(yaml.safe_dump(settings(config)))
    return path


def evaluate(run: Path, folder: Path, **flags: Any) -> None:
    """Write what an evaluation of a run would: right on two of three, four times as fast."""
    config = EvaluateConfig(model=str(run / "model"), **flags)
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings(config)))
    problems = [Problem(f"p{index}", "", "pass") for index in range(3)]
    check_provenance(folder, problems, config.models, MEASURED)
    rows = [correct(0, runtime_s=0.1), correct(1, runtime_s=0.1), failed(2)]
    found = [Evaluation(config.model, 1, rows)]
    if config.baseline is not None:
        (folder / "baseline").mkdir()
        rows = [correct(0, runtime_s=0.4), failed(1), failed(2)]
        found.append(Evaluation(config.baseline, 1, rows))
    write_report(folder, settings(config), LoadedProblems(problems), found)


@pytest.fixture
def run(tmp_path: Path, tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reinforced run, as a path relative to the working folder, with the one it started from."""
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/sft-1"), SftConfig(data_path=Path(SECRET_PATH)), tiny_policy_dir)
    return make_run(Path("runs/ppo-1"), PpoConfig(model="runs/sft-1/model"), tiny_policy_dir)


def card(folder: str) -> ModelCard:
    return ModelCard.load(Path(folder) / "README.md")


def to(run: Path, place: str, *flags: str) -> str:
    return publish(parse_arguments([str(run), "--to", place, *flags]))


def test_the_card_says_what_was_measured(run: Path) -> None:
    evaluate(run, Path("runs/eval-1"), baseline="runs/sft-1/model", limit=3)
    assert "--model out" in to(run, "out")
    found = card("out")
    assert found.data.license == "apache-2.0"
    assert found.data.library_name == "transformers"
    assert found.data.base_model is None  # the built-in model has no page on the hub
    results = {result.metric_type: result.metric_value for result in found.data.eval_results}
    assert results["pass@1"] == pytest.approx(2 / 3, abs=1e-4)
    assert results["speedup_geometric"] == pytest.approx(4, rel=0.05)
    for expected in (
        "| correct | `pass@1` | 0.667 |",
        "+0.333 (",  # of two in three over one in three
        "compared with `runs/sft-1/model`",
        "cpu abacus, cores 2",
        "level 3",
        "--limit 3",
        "accelerate launch scripts/sft.py --config sft.yaml",
        "accelerate launch scripts/ppo.py --config ppo.yaml",
        "Reinforced at alpha 0.5",
        "not cover bugs of the kernel",
        "codet5-nano, a model of a few million parameters",
    ):
        assert expected in found.text, expected
    assert "/home/" not in found.content
    assert "{{" not in found.content
    for block in found.text.split("```yaml\n")[1:]:  # the settings are those of a config file
        assert yaml.safe_load(block.split("```")[0])["data"] == "builtin"


def test_a_published_folder_is_the_model(run: Path) -> None:
    seen = {"problem_ids": ["p1"], "submission_ids": [], "programs": []}
    (run / "model" / "trained_on.json").write_text(json.dumps(seen))
    mark_conditioned(run / "model")
    to(run / "model", "./models/mine")
    files = {path.name for path in (run / "model").iterdir()} | {"README.md"}
    assert {path.name for path in Path("models/mine").iterdir()} == files
    policy = load_policy("models/mine")
    assert policy.is_conditioned
    assert is_conditioned("models/mine")
    assert trained_on("models/mine") == Footprint(frozenset(["p1"]))
    assert [path.name for path in Path("models").iterdir()] == ["mine"]  # nothing half-made


def test_without_an_evaluation_the_card_has_no_figures(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    to(run, "out")
    assert "Not evaluated." in card("out").text
    assert card("out").data.eval_results is None
    assert "scripts/evaluate.py --model runs/ppo-1/model" in caplog.text


def test_a_run_from_a_pretrained_model_ends_there(run: Path, tiny_policy_dir: Path) -> None:
    shutil.copytree(tiny_policy_dir, "runs/pretrain-1/model")
    Path("runs/pretrain-1/config.yaml").write_text("vocabulary_size: 500\n")
    started = SftConfig(model="runs/pretrain-1/model", data="builtin")
    tuned = make_run(Path("runs/sft-2"), started, tiny_policy_dir)
    assert lineage(tuned).base == "runs/pretrain-1/model"


def test_an_evaluation_of_other_weights_is_refused(run: Path, tiny_policy_dir: Path) -> None:
    evaluate(run, Path("runs/eval-1"))
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="whose weights are not those of runs/ppo-1/model"):
        to(run, "out", "--evaluation", "runs/eval-1")
    assert not Path("out").exists()
    to(run, "out")  # and is not found by itself
    assert "Not evaluated." in card("out").text


@pytest.mark.parametrize(
    ("prepare", "argv", "expected"),
    [
        (None, ["runs/nothing", "--to", "out"], "is no run of sft or ppo"),
        ("rm runs/ppo-1/model", ["runs/ppo-1", "--to", "out"], "no finished model/"),
        ("full", ["runs/ppo-1", "--to", "full"], "full is there already, and not empty"),
        (None, ["runs/ppo-1", "--to", "out", "--evaluation", "runs"], "no finished evaluation"),
        (None, ["runs/ppo-1", "--to", "a/b"], "hf auth login"),
        (None, ["sweep", "--to", "out"], "is a folder of several runs; give one: sweep/alpha-1"),
    ],
)
def test_a_mistake_is_one_line(
    run: Path, prepare: str | None, argv: list[str], expected: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(hub, "get_token", lambda: None)
    (Path("sweep") / "alpha-1" / "model").mkdir(parents=True)
    (Path("sweep") / "config.yaml").write_text("model: runs/sft-1/model\nalphas: [1]\n")
    if prepare == "full":
        (Path("full") / "file").mkdir(parents=True)
    elif prepare is not None:
        shutil.rmtree(prepare.split()[1])
    with pytest.raises(SystemExit, match="2"):
        cli.publish(argv)
    error = capsys.readouterr().err
    assert expected in error
    assert error.splitlines()[-1].startswith("error: ")
    assert not Path("out").exists()


class FakeApi:
    """Keeps what it is told; with `fails`, the network is down."""

    endpoint = "https://hub"
    fails = False
    is_private = True
    """What the repository is, once it is there."""
    calls: tuple[dict[str, Any], ...] = ()

    def __init__(self, **_: Any) -> None: ...

    def create_repo(self, name: str, **options: Any) -> None:
        if FakeApi.fails:
            raise OSError("no route\nto host")
        FakeApi.calls = ({"name": name, **options},)

    def model_info(self, name: str) -> SimpleNamespace:
        assert FakeApi.calls[-1]["name"] == name
        return SimpleNamespace(private=FakeApi.is_private)

    def upload_folder(self, *, folder_path: Path, **options: Any) -> None:
        files = sorted(path.name for path in folder_path.iterdir())
        FakeApi.calls += ({"files": files, "card": card(str(folder_path)), **options},)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> type[FakeApi]:
    monkeypatch.setattr(hub, "HfApi", FakeApi)
    monkeypatch.setattr(hub, "get_token", lambda: "token")
    monkeypatch.setattr(FakeApi, "fails", False)
    monkeypatch.setattr(FakeApi, "is_private", True)
    return FakeApi


def test_a_hub_name_uploads(run: Path, api: type[FakeApi]) -> None:
    assert "https://hub/owner/name" in to(run, "owner/name", "--private")
    made, uploaded = api.calls
    assert made == {"name": "owner/name", "private": True, "exist_ok": True}
    assert {"README.md", "model.safetensors", "tokenizer.json"} <= set(uploaded["files"])
    assert uploaded["card"].text.lstrip().startswith("# name\n")
    assert not Path("owner").exists()


def test_nothing_private_goes_to_a_public_repository(
    run: Path, api: type[FakeApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeApi, "is_private", False)
    with pytest.raises(UserError, match=r"owner/name is .* public.*https://hub/owner/name/setti"):
        to(run, "owner/name", "--private")
    assert len(api.calls) == 1  # it was made, or was there, and nothing was uploaded
    to(run, "owner/name")
    assert len(api.calls) == 2


def test_without_a_network_one_line_says_what_to_do(
    run: Path, api: type[FakeApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeApi, "fails", True)
    with pytest.raises(UserError, match=r"\(no route\).*--to \./owner/name$"):
        to(run, "owner/name")


def test_below_a_folder_that_exists_nothing_is_uploaded(run: Path, api: type[FakeApi]) -> None:
    api.calls = ()
    to(run, "runs/published")
    assert (Path("runs/published") / "README.md").is_file()
    assert api.calls == ()


def make_adapter(run: Path, base: Path) -> None:
    policy = load_policy(base)
    adapted = Policy(add_lora(policy.model, r=2), policy.tokenizer, "adapted")
    shutil.rmtree(run / "model")
    adapted.model.save_pretrained(run / "model")
    adapted.tokenizer.save_pretrained(run / "model")


def test_an_adapter_names_its_base_as_others_know_it(run: Path, tiny_policy_dir: Path) -> None:
    make_adapter(run, tiny_policy_dir)
    with pytest.raises(UserError, match=r"a folder that others do not have.*--base OWNER/NAME"):
        to(run, "out")
    to(run, "out", "--base", "owner/base")
    found = json.loads(Path("out/adapter_config.json").read_text())
    assert found["base_model_name_or_path"] == "owner/base"
    assert card("out").data.base_model == "owner/base"
    assert card("out").data.library_name == "peft"
    assert "A LoRA adapter of owner/base" in card("out").text


def test_an_adapter_of_the_built_in_model_loads_again(run: Path) -> None:
    make_adapter(run, Path("codet5-nano"))
    to(run, "out")
    found = json.loads(Path("out/adapter_config.json").read_text())
    assert found["base_model_name_or_path"] == "codet5-nano"
    assert card("out").data.base_model is None
    load_policy("out")


def test_the_license_of_another_base_must_be_named(run: Path) -> None:
    config = Path("runs/sft-1/config.yaml")
    values = yaml.safe_load(config.read_text()) | {"model": "Salesforce/codet5-small"}
    config.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"Salesforce/codet5-small.*--license ID"):
        to(run, "out")
    to(run, "out", "--license", "bsd-3-clause")
    assert card("out").data.license == "bsd-3-clause"
    assert card("out").data.base_model == "Salesforce/codet5-small"


def change(folder: str, **values: object) -> None:
    config = Path(folder) / "config.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | values))


def test_the_license_of_data_that_is_not_ours_must_be_named(run: Path) -> None:
    to(run, "ours")
    assert card("ours").text.rstrip().endswith("apache-2.0.")
    change("runs/sft-1", data="pie")  # of the run before the one that is published
    with pytest.raises(UserError, match=r"made from data pie, whose license.*--license ID"):
        to(run, "out")
    to(run, "out", "--license", "cc-by-4.0")
    assert card("out").data.license == "cc-by-4.0"
    assert (
        card("out")
        .text.rstrip()
        .endswith("cc-by-4.0, as `codet5-nano` and the data that it was trained on allow.")
    )


def test_the_license_of_replayed_data_must_be_named(run: Path, tiny_policy_dir: Path) -> None:
    make_run(Path("runs/sft-0"), SftConfig(data="pie"), tiny_policy_dir)
    change("runs/sft-1", replay_from=["runs/sft-0", "runs/gone"])
    with pytest.raises(UserError, match=r"made from data pie and data runs/gone, whose"):
        to(run, "out")
    change("runs/sft-1", replay_share=0.0)
    to(run, "out")
