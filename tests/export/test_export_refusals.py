"""What cannot be exported is said in a sentence with the way out, and never with the password."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from export_world import ROWS, deployment, nights_in, publish_night, version

from pipelines.cli.examine.serving import look_at_postgres
from pipelines.errors import ExportError, SettingsError
from pipelines.export import export_postgres
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.steps.forget import _exported
from tests.deployments import mainstay, says_one_thing
from tests.postgres_server import PASSWORD, Server

SECRETS = (PASSWORD, quote(PASSWORD, safe=""), "s3cr")


def refused(settings: Settings, *words: str, kind: type[Exception] = ExportError) -> None:
    with pytest.raises(kind) as error:
        export_postgres(settings, lambda text: None)
    text = str(error.value)
    for word in words:
        assert word in text, text
    assert not [secret for secret in SECRETS if secret in text], text


def test_nothing_published_is_said(postgres: Server, tmp_path: Path) -> None:
    refused(deployment(tmp_path, postgres), "nothing is published yet", "mainstay publish")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "postgresql://mainstay:{wrong}@127.0.0.1:{port}/bi",
            ("password authentication failed", "MAINSTAY_POSTGRES_URL"),
        ),
        (
            "postgresql://nobody:{right}@127.0.0.1:{port}/bi",
            ("authentication failed", "MAINSTAY_POSTGRES_URL"),
        ),
        ("postgresql://mainstay:{right}@127.0.0.1:{port}/none", ('database "none" does not exist',)),
        ("postgresql://mainstay:{right}@127.0.0.1:1/bi", ("127.0.0.1:1/bi cannot be reached", "refused")),
        ("postgresql://mainstay:{right}@no.such.host.invalid/bi", ("cannot be reached",)),
    ],
)
def test_an_address_that_does_not_lead_there(
    url: str, words: tuple[str, ...], postgres: Server, tmp_path: Path
) -> None:
    right = quote(PASSWORD, safe="")
    address = url.format(wrong="s3cr-wrong", right=right, port=postgres.port)
    refused(deployment(tmp_path, postgres, postgres_url=address), *words)


def test_an_address_that_is_none_is_told_without_any_part_of_it(tmp_path: Path) -> None:
    for number, url in enumerate(
        [
            "postgresql://u:s3cr/et@h/d",
            "postgresql://u:5432/s3cr@h/d",
            "postgresql://u:a@s3cr@h/d",
            "postgresql://u:s3cr@h:s3cr/d",
            "postgresql://h/d?s3cr=1",
            "postgresql://u:%s3cr@h/d",
        ]
    ):
        refused(
            Settings(home=_home(tmp_path, number), postgres_url=url),
            "MAINSTAY_POSTGRES_URL",
            "%40",
            kind=SettingsError,
        )
    result = mainstay(tmp_path, "export", "postgres", MAINSTAY_POSTGRES_URL="mysql://u:s3cr@h/d")
    says_one_thing(result, 2, "MAINSTAY_POSTGRES_URL", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    assert "s3cr" not in result.output
    says_one_thing(
        mainstay(tmp_path, "export", "postgres", "--dry-run"), 2, "MAINSTAY_POSTGRES_URL is not set"
    )
    # What shows tracebacks, as Airflow does of a DAG that cannot be read, must not have it either.
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.settings import load_settings; load_settings()"],
        env={"MAINSTAY_POSTGRES_URL": "mysql://u:s3cr@h/d", "PYTHONPATH": str(PROJECT_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "MAINSTAY_POSTGRES_URL" in done.stderr
    assert "s3cr" not in done.stderr


def _home(tmp_path: Path, number: int) -> Path:
    home = tmp_path / str(number)
    home.mkdir()
    return home


def test_a_schema_of_somebody_else_is_not_touched(postgres: Server, tmp_path: Path) -> None:
    settings = deployment(tmp_path, postgres)
    publish_night(settings, 1)
    postgres.run(
        "CREATE SCHEMA mainstay AUTHORIZATION mainstay", "CREATE TABLE mainstay.dim_tiers (mine int)"
    )
    refused(settings, "the schema mainstay is there and not Mainstay's", "postgres_schema")
    refused(
        settings.model_copy(update={"postgres_schema": "public"}),
        "the schema public is there and not Mainstay's",
    )
    postgres.run("DROP TABLE mainstay.dim_tiers")
    export_postgres(settings, lambda text: None)  # an empty one may have been made for it
    assert nights_in(postgres) == {1}

    postgres.run(
        "ALTER TABLE mainstay.dim_tiers RENAME TO aside",
        "DELETE FROM mainstay._publish WHERE table_name = 'dim_tiers'",
    )
    postgres.run("CREATE TABLE mainstay.dim_tiers (mine int)")
    refused(settings, "mainstay.dim_tiers is there and not Mainstay's")


def test_rights_that_are_missing_are_named_with_what_gives_them(postgres: Server, tmp_path: Path) -> None:
    settings = deployment(tmp_path, postgres, postgres_url=postgres.url("analyst"))
    publish_night(settings, 1)
    refused(
        settings,
        "the account analyst may not make the role mainstay_reader",
        "`CREATE ROLE mainstay_reader NOLOGIN`",
    )
    postgres.run("CREATE ROLE mainstay_reader NOLOGIN")
    refused(settings, "may not make the schema mainstay", "`CREATE SCHEMA mainstay AUTHORIZATION analyst`")
    postgres.run("CREATE SCHEMA mainstay")
    refused(settings, "does not own the schema mainstay", "`ALTER SCHEMA mainstay OWNER TO analyst`")
    postgres.run("ALTER SCHEMA mainstay OWNER TO analyst")
    same = settings.model_copy(update={"postgres_reader": "analyst"})
    refused(same, "postgres_reader names it", kind=SettingsError)
    export_postgres(settings, lambda text: None)
    assert nights_in(postgres) == {1}


def test_an_erasure_is_not_done_until_postgres_is_without_the_person(
    postgres: Server, tmp_path: Path
) -> None:
    settings = deployment(tmp_path, postgres, postgres_url="postgresql://mainstay:s3cr@127.0.0.1:1/bi")
    publish_night(settings, 1)
    with pytest.raises(
        ExportError, match="erased here, but PostgreSQL still has the marts with the person"
    ) as error:
        _exported(settings, "forget-1", lambda text: None)
    assert "mainstay forget --resume" in str(error.value)
    assert "s3cr" not in str(error.value)
    whole = settings.model_copy(update={"postgres_url": None})
    assert _exported(whole, "forget-1", lambda text: None) is None


def test_the_command_tells_what_it_did_and_a_dry_run_changes_nothing(
    postgres: Server, tmp_path: Path
) -> None:
    settings = deployment(tmp_path, postgres)
    publish_night(settings, 1)
    url = {"MAINSTAY_POSTGRES_URL": postgres.url()}
    tried = mainstay(tmp_path, "export", "postgres", "--dry-run", **url)
    assert tried.exit_code == 0, tried.output
    assert "dry run: True" in tried.output
    assert postgres.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'mainstay'") == []
    assert postgres.rows("SELECT 1 FROM pg_roles WHERE rolname = 'mainstay_reader'") == []
    assert "nothing exported yet" not in look_at_postgres(settings).text
    assert look_at_postgres(settings).state == "warning"

    done = mainstay(tmp_path, "export", "postgres", **url)
    assert done.exit_code == 0, done.output
    for words in (
        "schema: mainstay",
        "reader: mainstay_reader",
        f"rows: {5 * (ROWS + 1) + 5}",
    ):
        assert words in done.output
    assert nights_in(postgres) == {1}
    assert look_at_postgres(settings).state == "ok"

    publish_night(settings, 2)
    back = mainstay(tmp_path, "publish", "--rollback", **url)
    assert back.exit_code == 0, back.output
    assert f"postgres: {version(settings)}" in back.output
    assert nights_in(postgres) == {1}

    postgres.run("ALTER DATABASE bi CONNECTION LIMIT 0")
    failed = mainstay(tmp_path, "export", "postgres", **url)
    says_one_thing(failed, 12, "too many connections", "The serving file has the published night")
    for output in (tried.output, done.output, failed.output):
        assert not [secret for secret in SECRETS if secret in output]
    shown = mainstay(tmp_path, "status", **url)
    assert "export" in shown.output
    assert not [secret for secret in SECRETS if secret in shown.output]
