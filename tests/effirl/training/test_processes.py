"""What a training process finds of GPUs, and what it makes of them."""

import pytest
import torch

from effirl.training.processes import prepare_process


@pytest.fixture
def _gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that emulates bfloat16, as a T4 does."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation
    )


@pytest.mark.usefixtures("_gpu")
def test_emulated_bfloat16_is_not_used() -> None:
    hardware = prepare_process()
    assert not hardware.use_cpu
    assert not hardware.bf16


@pytest.mark.usefixtures("_gpu")
def test_a_launcher_that_was_told_to_use_the_cpu_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)  # none of which matters
    hardware = prepare_process()
    assert hardware.use_cpu
    assert not hardware.bf16
