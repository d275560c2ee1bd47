"""`effirl`: what needs no training."""

import subprocess
import sys
from pathlib import Path

import pytest

from effirl import __version__, cli, output

ROOT = Path(__file__).parents[2]


def test_version_and_listing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = f"effirl {__version__}\n"
    for flags, expected in ((["--version"], version), (["--help"], "optimize "), ([], "optimize ")):
        monkeypatch.setattr(sys, "argv", ["effirl", *flags])
        with pytest.raises(SystemExit, match="0"):
            cli.main()
        assert expected in capsys.readouterr().out


def test_the_listing_imports_nothing_slow() -> None:
    code = (
        "import sys; from effirl.cli import main; sys.argv = ['effirl', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'trl', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_imports_warn_of_nothing() -> None:
    code = "import effirl, effirl.cli, rewards; rewards.EfficiencyReward"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout + done.stderr == ""


def test_a_command_without_figures_refuses_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output.os, "environ", dict(output.os.environ))
    with pytest.raises(SystemExit, match="2"):
        cli.completion(["bash", "--json"])
    assert "no JSON answer; leave --json out" in capsys.readouterr().err


@pytest.mark.parametrize("before", [True, False])
def test_flags_of_every_command_stand_anywhere(
    before: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output.os, "environ", dict(output.os.environ))
    heard = []

    def command(argv: list[str]) -> None:
        with cli._command(argv, has_json=True) as arguments:
            heard.append((arguments, output.is_quiet(), output.wants_json()))

    monkeypatch.setitem(cli.COMMANDS, "sweep", command)
    words = ["--quiet", "--json", "sweep"] if before else ["sweep", "--quiet", "--json"]
    monkeypatch.setattr(sys, "argv", ["effirl", *words, "--limit", "3"])
    cli.main()
    assert heard == [(["--limit", "3"], True, True)]


def test_settings_of_every_command_are_known() -> None:
    others = {"demo", "make-inputs", "report", "publish", "doctor", "completion"}  # read no YAML
    assert set(cli.COMMANDS) == set(cli.config_classes()) | others


def test_doctor_is_that_of_the_rewards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.doctor(["--help"])
    assert "python -m rewards doctor" in capsys.readouterr().out


def test_completion_knows_commands_and_settings(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab", reason="NOT CHECKED: shtab is not installed")
    cli.completion(["bash"])
    script = capsys.readouterr().out
    assert all(name in script for name in cli.COMMANDS)
    assert "--stdin-dir" in script
    assert "--efficiency-weight" in script
    done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
    assert done.returncode == 0


def test_a_package_that_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(SystemExit, match="2"):
        cli.evaluate(["--limit", "1"])
    assert "pip install 'effirl[train]'" in capsys.readouterr().err
