"""What tests of the referee move."""

import pytest

from .clocks import Machine


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Its clocks, which start with those of this one."""
    return Machine(monkeypatch)
