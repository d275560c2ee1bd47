"""The direction of imports, as DESIGN's section 1 has it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "accelerate"}

# Leftmost first: a module never imports one to its right.
REWARDS_ORDER = (
    ("errors", "values"),
    ("checks", "call_runner"),
    ("scope",),
    ("asserts",),
    ("records",),
    ("interpreter", "extraction", "stats", "machine", "memory_files"),
    ("isolation",),
    ("child",),
    ("probes",),
    ("zygote",),
    ("worker_process",),
    ("worker",),
    ("executor", "functions"),
    ("judging", "imports"),
    ("measurement", "memory_profile"),
    ("whole_process",),
    ("jobs", "database"),
    ("cache", "costs"),
    ("cluster", "measurer"),
    ("ray_pool",),
    ("scores",),
    ("monitor", "metrics"),
    ("outcomes",),
    ("efficiency",),
    ("batch",),
    ("doctor",),
    ("commands",),
    ("__main__",),
)
# effirl's layers, lowest first, by the second part of the module's name.
EFFIRL_LAYERS = (
    {"errors", "files", "tables", "figures", "pages", "parquet", "output"},
    {"config", "runs", "data", "policy", "model_files", "decoding"},
    {"scoring", "engines"},
    {"training", "evaluation"},
    {"launch"},
    {"stages", "cluster_jobs"},
    {"phases", "sweep", "report", "optimize", "demo", "audit", "publish"},
    {"experiments"},
    {"cli"},
)
TRL_MODULES = {"effirl/training/grpo.py", "effirl/training/seq2seq_grpo.py", "effirl/config.py"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, with `from x import y` as both."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_rewards_needs_neither_effirl_nor_torch() -> None:
    for path in modules("rewards"):
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & (HEAVY | {"effirl", "scripts", "tests"}), path


def test_effirl_imports_no_scripts_or_tests() -> None:
    for path in modules("effirl"):
        assert not {name.split(".")[0] for name in imports(path)} & {"scripts", "tests"}, path


def test_rewards_modules_import_leftwards_only() -> None:
    rank = {name: place for place, names in enumerate(REWARDS_ORDER) for name in names}
    for path in modules("rewards"):
        parts = path.relative_to(ROOT / "rewards").with_suffix("").parts
        if parts[0] == "__init__":
            continue
        assert parts[0] in rank, f"{path} has no place in REWARDS_ORDER"
        for name in imports(path):
            top, *rest = name.split(".")
            if top != "rewards" or not rest or rest[0] not in rank or rest[0] == parts[0]:
                continue
            assert rank[rest[0]] < rank[parts[0]], f"{path} imports {name}"


def test_effirl_layers_import_downwards_only() -> None:
    layer = {name: place for place, names in enumerate(EFFIRL_LAYERS) for name in names}
    for path in modules("effirl"):
        own = path.relative_to(ROOT / "effirl").with_suffix("").parts[0]
        if own == "__init__":
            continue
        assert own in layer, f"{path} has no layer"
        for name in imports(path):
            top, *rest = name.split(".")
            if top != "effirl" or not rest or rest[0] not in layer or rest[0] == own:
                continue
            assert layer[rest[0]] <= layer[own], f"{path} imports {name}"
            siblings = {own, rest[0]} == {"training", "evaluation"}
            assert not siblings, f"{path} imports {name}"


def test_few_modules_touch_trl() -> None:
    touching = {
        str(path.relative_to(ROOT))
        for path in modules("effirl")
        if "trl" in {name.split(".")[0] for name in imports(path)}
    }
    assert touching <= TRL_MODULES, touching - TRL_MODULES


@pytest.mark.parametrize("module", ["rewards", "rewards.efficiency", "effirl", "effirl.config"])
def test_imports_without_torch(module: str) -> None:
    code = f"import sys, {module}; assert not {HEAVY!r} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda p: p.name)
def test_scripts_are_thin(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 40
