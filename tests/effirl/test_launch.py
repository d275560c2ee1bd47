"""Stages as processes: how each way to end comes back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from effirl.errors import UserError
from effirl.launch import run


def test_success_is_silent() -> None:
    run([sys.executable, "-c", "pass"], "it")


def test_failure_is_one_line() -> None:
    with pytest.raises(UserError, match="the stage ended with exit status 2"):
        run([sys.executable, "-c", "raise SystemExit(2)"], "the stage")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("", ("said\n", "")), ("EFFIRL_JSON", ("", "said\n")), ("EFFIRL_QUIET", ("", ""))],
)
def test_what_a_stage_says_is_not_the_answer(variable: str, expected: tuple[str, str]) -> None:
    host = "import sys; from effirl.launch import run; run([sys.executable, *sys.argv[1:]], 'it')"
    done = subprocess.run(
        [sys.executable, "-c", host, "-c", "print('said')"],
        env={**os.environ, **({variable: "1"} if variable else {})},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == expected


def test_an_interrupted_stage_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", "raise SystemExit(130)"], "it")


def test_ctrl_c_waits_for_what_the_stage_still_saves(tmp_path: Path) -> None:
    stage = f"""
import signal, sys, time
from pathlib import Path
def save(*_):
    time.sleep(0.5); Path({str(tmp_path / "saved")!r}).touch(); sys.exit(130)
signal.signal(signal.SIGINT, save)
Path({str(tmp_path / "ready")!r}).touch()
time.sleep(30)
"""
    host = (
        f"import sys; from effirl.launch import run; run([sys.executable, '-c', {stage!r}], 'it')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", host], start_new_session=True, stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    process.wait()
    assert (tmp_path / "saved").exists()
