"""One process for each situation, shared by all that attack it."""

from collections.abc import Iterator

import pytest

from tests.sandbox import environments
from tests.sandbox.environments import Environment


@pytest.fixture(scope="session", params=environments.NAMES)
def environment(request: pytest.FixtureRequest) -> Iterator[Environment]:
    with Environment(request.param) as environment:
        yield environment
