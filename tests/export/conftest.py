"""One PostgreSQL for all tests of the export, with an empty database for each."""

from __future__ import annotations

import pytest

from tests.postgres_server import Server, server

__all__ = ["postgres", "server"]


@pytest.fixture
def postgres(server: Server) -> Server:
    """Nothing is in it."""
    server.empty()
    return server
