"""Fixtures around the scripted API."""

from collections.abc import Iterator

import pytest
from scripted_api import PROJECT, ScriptedApi

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.cloud import ScalewayCloud
from v2s_tui.adapters.scaleway.transport import Transport


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    yield server
    server.stop()


@pytest.fixture
def pauses() -> list[float]:
    """What the transport would have slept."""
    return []


@pytest.fixture
def cloud(api: ScriptedApi, pauses: list[float]) -> Iterator[ScalewayCloud]:
    access = ScalewayAccess("SCWXXXXXXXXXXXXXXXXX", "secret", PROJECT, api_url=api.url, rate=1000)
    made = ScalewayCloud(access, transport=Transport(access, sleep=pauses.append, jitter=lambda: 1.0))
    yield made
    made.close()
