"""Low hard limits of the shell: programs run all the same, or one line says what is low."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_under(limit: str, program: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rewards", "run", str(program), "--stdin", "/dev/null", *flags]
    return subprocess.run(
        [shutil.which("bash") or "bash", "-c", f'ulimit {limit} && exec "$@"', "bash", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text("print(sum(range(10)))\n")
    return path


@pytest.mark.parametrize("limit", ["-Sv 4000000 -Hv 4000000", "-s 1000", "-i 10", "-c 0 -n 64"])
def test_room_enough_is_no_matter(program: Path, limit: str) -> None:
    done = run_under(limit, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "OK"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("-v 900000", ["address space", "900000", "ulimit -Hv"]),
        ("-f 100", ["size of files", "102400", "ulimit -f"]),
        ("-f 8000", ["size of files", "8000", "ulimit -Hf"]),
        ("-n 8", ["open files", "8", "ulimit -n"]),
    ],
)
def test_too_little_is_one_line_that_says_which(
    program: Path, limit: str, words: list[str]
) -> None:
    done = run_under(limit, program)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert all(word in line for word in words), line


def test_more_memory_than_the_shell_allows_is_our_failure_not_the_programs(program: Path) -> None:
    done = run_under("-v 4000000", program, "--memory-limit", "8000")
    (line,) = done.stderr.splitlines()
    assert "address space" in line
    assert json.loads(done.stdout)["status"] == "SANDBOX_ERROR"
