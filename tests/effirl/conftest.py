"""What the tests of several modules start from."""

from pathlib import Path

import pytest

from effirl.policy import Policy, load_policy


@pytest.fixture
def policy(tiny_policy_dir: Path) -> Policy:
    return load_policy(tiny_policy_dir)
