"""One PostgreSQL for all tests of the export, with an empty database for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres_server import Server, binaries, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if binaries() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql-15)")
    with running() as found:
        yield found


@pytest.fixture
def postgres(server: Server) -> Server:
    server.empty()
    return server
