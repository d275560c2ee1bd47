import pytest

from rewards.executor import Executor


@pytest.fixture(scope="session")
def executor():
    with Executor() as executor:
        yield executor
