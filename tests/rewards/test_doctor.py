"""The doctor: what it finds is real, and every warning has a remedy."""

import json
from functools import partial
from pathlib import Path

import pytest

from rewards import doctor, machine
from rewards.__main__ import main
from rewards.doctor import Finding
from rewards.worker import WorkerSettings


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_NOISE_PAIRS", 2)
    monkeypatch.setattr(doctor, "_NUM_EMPTY", 5)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    findings = {finding["name"]: finding for finding in record["findings"]}
    assert record["is_usable"]
    assert record["level"] == findings["isolation"]["figures"]["level"] >= 1
    assert findings["cores"]["figures"]["usable"] == len(machine.cores())
    assert 0 < findings["timer floor"]["figures"]["gross_s"] < 1
    for length in ("2 ms", "20 ms"):
        assert findings[f"noise at {length}"]["figures"]["pairs"] == 2
    assert {"seccomp", "namespaces", "interpreter", "load", "memory"} <= findings.keys()
    for finding in findings.values():
        assert finding["text"]
        assert finding["is_ok"] == (finding["remedy"] is None), finding


def test_below_the_floor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "WorkerSettings", partial(WorkerSettings, namespaces="off"))
    assert main(["--isolation-floor", "3", "doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("warn  isolation")
    assert "level 1 of 3; the floor is 3" in lines[0]
    number = next(n for n, line in enumerate(lines) if line.startswith("warn  namespaces"))
    assert "-> run as root" in lines[number + 1]


def files(monkeypatch: pytest.MonkeyPatch, contents: dict[str, str]) -> None:
    def first_line(path: Path) -> str:
        return next((text for name, text in contents.items() if str(path).endswith(name)), "")

    monkeypatch.setattr(doctor, "_first_line", first_line)
    monkeypatch.setattr(machine, "cores", lambda: [0, 1])


def found(*findings: Finding) -> dict[str, bool]:
    return {finding.name: finding.is_ok for finding in findings}


@pytest.mark.parametrize(
    ("contents", "name", "is_ok"),
    [
        ({}, "hyper-threads", True),
        ({"cpu0/topology/thread_siblings_list": "0", "cpu1/topology/thread_siblings_list": "1"},
         "hyper-threads", True),
        ({"thread_siblings_list": "0-1"}, "hyper-threads", False),
        ({"scaling_governor": "performance"}, "frequency governor", True),
        ({"scaling_governor": "powersave"}, "frequency governor", False),
        ({"cpu.max": "max 100000"}, "processor quota", True),
        ({"cpu.max": "200000 100000"}, "processor quota", True),
        ({"cpu.max": "150000 100000"}, "processor quota", False),
        ({"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, "processor quota", True),
        ({"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}, "processor quota", False),
        ({"memory.max": "max"}, "memory", True),
        ({"memory.max": "1000000"}, "memory", False),
    ],
)  # fmt: skip
def test_machine_files(
    contents: dict[str, str], name: str, is_ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(monkeypatch, contents)
    findings = [*doctor._cores(), doctor._processor_quota(), doctor._memory()]
    assert found(*findings)[name] is is_ok


@pytest.mark.parametrize(
    ("load", "stolen", "is_ok"), [(1.2, 0, True), (2.5, 0, False), (1.2, 50, False)]
)
def test_load(load: float, stolen: int, is_ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch, {"/proc/stat": f"cpu 500 0 0 {500 - stolen} 0 0 0 {stolen} 0 0"})
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (load, load, load))
    assert doctor._load((0, 0)).is_ok is is_ok


def test_equal_programs_that_seem_far_apart_are_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.rewards.test_pure import comparison

    class Pairs:
        ratios = iter((1.0, 1.2))

    def fake_compare(*_: object) -> object:
        return comparison(next(Pairs.ratios), 1.0, 1, 1)

    monkeypatch.setattr(doctor, "compare", fake_compare)
    finding = doctor._noise(None, 1e6, 0.002)  # type: ignore[arg-type]
    assert not finding.is_ok
    assert finding.figures["share_different"] == 0.5
    assert finding.remedy is not None
