from collections.abc import Iterator

import pytest

from autoagent.environments.trials import in_hand


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    """No test finds what another one's environment noted of its trial."""
    yield
    in_hand.clear()
