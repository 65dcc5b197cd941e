"""Settings of a deployment: where it lives, what money and time mean, and the loyalty policy's figures.

Read from the environment (`MAINSTAY_…`), then from `mainstay.toml` in the deployment's home folder, then
from the defaults here. Nothing is read at import; call `load_settings()`.
"""

from __future__ import annotations

import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from pipelines.closed_days import ClosedDays, read_closed_days
from pipelines.errors import SettingsError
from pipelines.paths import require_no_question_mark

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PROJECT_DIR = Path(__file__).resolve().parent.parent
"""Root of the checkout: home of `dbt_project/`, `dags/` and the shipped contracts and policies."""

SHIPPED_POLICIES = PROJECT_DIR / "dbt_project" / "seeds"
"""Folder of the default policy CSVs."""

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
"""The business dates that Mainstay reckons with: every part of it can, and a slip such as year 25 or 9999 is none."""

_CONTRACT = ".odcs.yaml"

_MINOR_UNITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimals of a currency by ISO 4217, where they are not two."""

_FIGURE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", re.ASCII)

EVENTS = ("failed", "published", "stale", "quarantined", "warned")
"""What alerts can be about."""

_OLD_ALERTS = (
    "is no setting any more; alerts go to the Apprise addresses in MAINSTAY_NOTIFY_URLS, say jsons://… for a webhook and "
    "mailtos://… for mail (docs/alerts.md). Set that, and take this one away"
)
_RETIRED = dict.fromkeys(
    ("notify", "notify_email_to", "notify_smtp_conn_id", "notify_webhook_url"), _OLD_ALERTS
)
"""Settings that there were, and what to do instead. In the environment a setting that is none is not noticed by itself."""

_MASTER = re.compile(r"local(\[(\*|[1-9][0-9]*)\])?|spark://\S+|yarn|k8s://\S+|sc://\S+")
_CREDENTIAL = re.compile(
    r"secret|password|token|credential(?!s\.provider)|access\.key|account\.key", re.IGNORECASE
)
_CREDENTIAL_WITHIN = re.compile(
    r"((secret|password|credential(?!s\.provider)|(access|account|api)[._-]?key)[\w.-]*(?<!\.file)|token(?!iz)\w*)\s*="
    r"|://[^\s/:@]+:[^\s/@]+@",
    re.IGNORECASE,
)
"""In the value of a setting that holds others, as options of Java do."""
_MAY_HOLD_A_SECRET = ("spark_master", "spark_conf")
"""They are to hold none; where one does, it is refused, and not repeated."""

_LAKE_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]*(/(?!\.+(/|$))[A-Za-z0-9_.-]+)*/?")

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_POSTGRES_NAME = r"^[a-z_][a-z0-9_]{0,62}$"
"""A schema or role that needs no quotes in anybody's SQL."""

Months = Annotated[int, Field(ge=1, le=120)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class Settings(BaseSettings):
    """One deployment's settings; every field can be set as `MAINSTAY_<NAME>` or in `mainstay.toml`."""

    model_config = SettingsConfigDict(
        env_prefix="MAINSTAY_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # it may be a secret; what may be shown, `load_settings` shows
    )

    home: Path = Field(default=PROJECT_DIR, description="Folder of the deployment.")
    contracts_dir: Path | None = Field(
        default=None,
        description="Folder of the source contracts; default HOME/data_contracts, else the shipped ones.",
    )
    policies_dir: Path | None = Field(
        default=None, description="Folder of the policy CSVs; default HOME/policies, else the shipped ones."
    )
    models_dir: Path | None = Field(
        default=None,
        description="Folder of the deployment's own dbt models, which stage its own datasets; default HOME/models.",
    )
    var_dir: Path | None = Field(default=None, description="Folder of all run-time state; default HOME/var.")
    landing_dir: Path | None = Field(
        default=None, description="Folder of the landing files; default VAR/landing."
    )
    timezone: str = Field(
        default="Asia/Shanghai", description="Reporting timezone: decides a row's business date."
    )
    currency: str = Field(
        default="CNY",
        pattern=r"^[A-Z]{3}$",
        description="Reporting currency (ISO 4217); amounts have its decimals, as JPY none and KWD three.",
    )

    tolerated_key_reuse_rate: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of a date's rows whose key may be an earlier row's of another customer or business date; a "
        "contract's toleratedKeyReuseRate goes first.",
    )
    closed_days: str | None = Field(
        default=None,
        description="Days without sales, which are no gap in the landing folder: weekdays, dates, dates of every year, ranges, "
        "with commas, for example sunday, 12-25, 2025-01-28..2025-02-04.",
    )

    tier_window_months: Months = Field(default=12, description="Months of spend that a tier looks at.")
    new_customer_months: int = Field(default=3, ge=0, le=120, description="Months a customer counts as new.")
    soft_landing: bool = Field(default=False, description="A tier falls at most one level per assessment.")
    grace_months: int = Field(
        default=0, ge=0, le=24, description="Assessments below the bound before a tier falls."
    )
    survey_validity_months: Months = Field(default=12, description="Months a wallet survey stays valid.")
    benchmark_quantile: float = Field(default=0.9, gt=0, lt=1, description="Quantile of peers' spend.")
    benchmark_min_peers: int = Field(
        default=30, ge=1, le=10**9, description="Smallest peer group of the benchmark."
    )
    default_lapsed_days: int = Field(
        default=180, ge=1, le=36_500, description="Lapse bound where gap survival never falls to 0.05."
    )
    revenue_retention_window_months: Months = Field(
        default=12, description="Months per revenue retention window."
    )
    default_margin_rate: float = Field(
        default=0.25,
        ge=-1,
        le=1,
        description="Margin rate of categories that margin_rates.csv does not name.",
    )
    discount_rate: float = Field(
        default=0.1, ge=0.001, le=1, description="Yearly discount rate of lifetime values."
    )
    scenario_retention_points: int = Field(
        default=5, ge=1, le=100, description="Percentage points of retention that loyalty_scenarios adds."
    )

    min_group_answers: int = Field(
        default=30,
        ge=1,
        le=10**9,
        description="Smallest group whose rate is published where groups are compared.",
    )
    silent_per_complaint: float = Field(
        default=10,
        ge=0,
        le=10_000,
        description="Unhappy customers who keep silent per complaint: a claim, not a finding.",
    )
    reached_per_unhappy: float = Field(
        default=25,
        ge=0,
        le=10_000,
        description="People whom an unhappy customer tells: a claim, not a finding.",
    )
    repeat_complaint_days: Days = Field(
        default=90,
        description="Days within which a complaint of the same customer and topic is a repeated one.",
    )
    defection_min_days: Days = Field(
        default=90, description="Days away from the last purchase from which a lapse counts as a defection."
    )
    defection_said_days: Days = Field(
        default=30, description="Days before the last purchase from which an exit interview gives the reason."
    )
    defection_complaint_days: Days = Field(
        default=90,
        description="Days before the last purchase from which complaints and low answers count as a reason.",
    )
    defection_unresolved_hours: float = Field(
        default=168,
        ge=0,
        le=87_600,
        description="Hours after which an unresolved complaint counts as a reason.",
    )
    defection_survey_days: Days = Field(
        default=180, description="Days before the lapse within which a wallet survey tells of a competitor."
    )
    defection_discount_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of spend on discounted lines from which price is a reason.",
    )
    defection_price_spend_ratio: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Late spend per day, of the earlier, up to which price is a reason.",
    )
    defection_habit_spend_ratio: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Late spend, of the earlier, up to which a change of habit is a reason.",
    )
    defection_habit_category_drop: float = Field(
        default=1 / 3,
        ge=0,
        le=1,
        description="Share of categories lost from which a change of habit is a reason.",
    )
    defection_return_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of gross spend sent back above which a customer is not wanted back.",
    )
    defection_return_lines: int = Field(
        default=5, ge=1, le=10**9, description="Lines sent back from which that share is looked at."
    )
    defection_long_lapsed_days: Days = Field(
        default=365, description="Days of a lapse after which a return is unlikely."
    )
    committed_max_discount_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of spend on discounted lines up to which a customer is committed.",
    )
    min_team_size: int = Field(
        default=5,
        ge=1,
        le=10**6,
        description="Smallest team, by headcount and answers, whose figures are published.",
    )

    care_cycle_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="Days of a care cycle; it begins anew from the first purchase day on.",
    )
    care_on_time_days: int = Field(
        default=5,
        ge=0,
        le=365,
        description="Days around its due date within which a contact is done in time.",
    )
    care_late_days: int = Field(
        default=15,
        ge=0,
        le=365,
        description="Days after its due date up to which a contact is still made up for.",
    )
    points_expiry_months: Months = Field(
        default=24, description="Months after which points expire, at the month's end."
    )
    points_on_shortfall: Literal["debt", "write_off"] = Field(
        default="debt",
        description="What becomes of points that a refund takes back beyond the balance: debt is taken from what is "
        "earned next, write_off is forgiven.",
    )
    offer_in_range_days: Days = Field(
        default=28, description="Days within which a product was sold to be offered."
    )
    keep_versions: int = Field(default=5, ge=1, le=365, description="Published versions kept for rollback.")
    keep_log_days: int = Field(
        default=30, ge=1, le=3650, description="Days that logs are kept after they were last written to."
    )
    lock_timeout_seconds: float = Field(
        default=600, ge=0, description="How long a writer waits for the warehouse."
    )
    private_mode: str = Field(
        default="0700",
        pattern=r"^0?7[0-7]{2}$",
        description="Octal mode of the folders with rows, logs and secrets; their files have it without x.",
    )
    serving_mode: str = Field(
        default="0750", pattern=r"^0?7[0-7]{2}$", description="Octal mode of the folders that BI reads."
    )
    serving_group: str | None = Field(
        default=None,
        description="Group that reads the marts; default that of the account that runs Mainstay.",
    )
    serving_storage_version: Literal["latest", "v1.5.0", "v1.4.0", "v1.3.0", "v1.2.0", "v1.0.0"] = Field(
        default="latest",
        description="Storage format of the serving file, the oldest DuckDB that can open it: latest, or for older BI tools "
        "v1.4.0, v1.3.0, v1.2.0 or v1.0.0.",
    )
    bi_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Address of the dashboards, linked from runs and alerts.",
    )
    postgres_url: SecretStr | None = Field(
        default=None,
        description="postgresql://USER:PASSWORD@HOST:PORT/DATABASE that each published night is exported to; default none.",
    )
    postgres_schema: str = Field(
        default="mainstay",
        pattern=_POSTGRES_NAME,
        description="Schema of that database that holds the marts; Mainstay alone writes it.",
    )
    postgres_reader: str = Field(
        default="mainstay_reader",
        pattern=_POSTGRES_NAME,
        description="Role of that database that may read the marts and nothing else.",
    )
    openlineage_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Address that OpenLineage events of runs and models are sent to; default none.",
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb",
        description="What loads and builds: duckdb, in this process, or spark, where one machine is too small.",
    )
    spark_master: str = Field(
        default="local[*]",
        description="Where Spark runs: local[N], spark://HOST:7077, yarn, k8s://…, or a Spark Connect address sc://HOST:15002.",
    )
    lake_dir: str | None = Field(
        default=None,
        description="Folder or object-store address (s3://BUCKET/PATH) of the rows and tables that Spark writes; "
        "default VAR/lake.",
    )
    spark_conf: dict[str, str] = Field(
        default_factory=dict,
        description="More settings of the Spark session, no secrets: a table in mainstay.toml, JSON in the environment.",
    )
    spark_task_memory: str = Field(
        default="1GiB",
        pattern=r"^[1-9][0-9]*\s*[KMGT]i?B$",
        description="Memory that the loader may use in one Spark task, for example 512MiB; it spills beyond.",
    )
    duckdb_threads: int | None = Field(default=None, ge=1, description="DuckDB threads; default all cores.")
    duckdb_memory_limit: str | None = Field(default=None, description="DuckDB memory limit, for example 8GB.")

    notify_urls: SecretStr | None = Field(
        default=None,
        description="Apprise addresses that alerts go to, with spaces between: dingtalk://…, wecombot://…, feishu://…, "
        "slack://…, workflows://… (Teams), mailtos://…, jsons://…",
    )
    notify_on: str = Field(
        default="failed, stale, quarantined, warned",
        description="Events that are told: failed, published, stale, quarantined, warned, with commas.",
    )
    notify_language: Literal["en", "zh-CN", "both"] = Field(
        default="both", description="Language of alerts: en, zh-CN or both."
    )
    notify_stale_after: str = Field(
        default="09:00",
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="Local time by which yesterday must be published; later than that, the night is stale.",
    )
    notify_quarantine_rate: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of a file's or date's rows in quarantine above which that is told.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the `mainstay.toml` of the deployment that is asked for."""
        home = Path(init_settings().get("home") or os.environ.get("MAINSTAY_HOME") or PROJECT_DIR)
        toml = TomlConfigSettingsSource(settings_cls, toml_file=home / "mainstay.toml")
        return init_settings, env_settings, toml

    @field_validator("*", mode="before")
    @classmethod
    def _plain_figure(cls, value: object, info: ValidationInfo) -> object:
        """Figures in plain digits, as in the policies: not what only Python takes for a number."""
        kinds = str(cls.model_fields[str(info.field_name)].annotation)
        if kinds.startswith("<class 'bool'>") or not re.search(r"\b(int|float)\b", kinds):
            return value
        if isinstance(value, bool):
            raise ValueError(f"{str(value).lower()} is no figure; write a number")
        if isinstance(value, str) and not _FIGURE.fullmatch(value.strip()):
            kind = "a number" if "float" in kinds else "an integer"
            raise ValueError(
                f"{value!r} is not {kind} in plain digits, such as {'0.25' if 'float' in kinds else '12'}"
            )
        return value

    @field_validator("default_margin_rate", "committed_max_discount_share")
    @classmethod
    def _kept_as_written(cls, value: float) -> float:
        """These are compared with amounts exactly, with six decimals."""
        if Decimal(repr(value)).quantize(Decimal("1e-6")) != Decimal(repr(value)):
            raise ValueError(f"{value} has more decimals than are kept; round it yourself, to at most 6")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no timezone name; use one such as Asia/Shanghai or Europe/Paris")
        return value

    @field_validator("postgres_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("it is not of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
        return value

    @field_validator("closed_days")
    @classmethod
    def _closed_days_can_be_read(cls, value: str | None) -> str | None:
        read_closed_days(value)
        return value

    @field_validator("notify_on")
    @classmethod
    def _events_are_known(cls, value: str) -> str:
        if unknown := [event for event in _parts(value) if event not in EVENTS]:
            raise ValueError(f"{', '.join(unknown)}: no such event; use {', '.join(EVENTS)}, with commas")
        return value

    @field_validator("notify_urls")
    @classmethod
    def _addresses_look_like_some(cls, value: SecretStr | None) -> SecretStr | None:
        """Whether Apprise knows them is found where it is used: it takes a second to load."""
        for number, address in enumerate(value.get_secret_value().split() if value else (), start=1):
            if not _ADDRESS.fullmatch(address):
                raise ValueError(
                    f"address {number} is none; write Apprise addresses such as dingtalk://TOKEN, with spaces between"
                )
        return value

    @field_validator("spark_master")
    @classmethod
    def _is_a_master(cls, value: str) -> str:
        if not _MASTER.fullmatch(value):
            raise ValueError("it is none of local[N], spark://HOST:PORT, yarn, k8s://ADDRESS, sc://HOST:PORT")
        scheme, _, rest = value.partition("://")
        for address in rest.partition("/")[0].split(",") if scheme in ("spark", "sc") else ():
            try:
                place = urlsplit(f"//{address}")
                is_one = bool(place.hostname) and place.port != 0
            except ValueError:
                is_one = False
            if not is_one:
                raise ValueError("one of its addresses is no HOST:PORT; a port is a number from 1 to 65535")
        if "token=" in value:
            raise ValueError(
                "it holds a token; give that as SPARK_CONNECT_AUTHENTICATE_TOKEN in the environment"
            )
        return value

    @field_validator("spark_conf")
    @classmethod
    def _conf_is_no_secret(cls, value: dict[str, str]) -> dict[str, str]:
        """Settings can be shown; a credential is for Spark's own configuration or the environment."""
        for name, own in value.items():
            if not name.startswith("spark."):
                raise ValueError(f"{name} is no setting of Spark; their names begin with spark.")
            if _CREDENTIAL.search(name) or _CREDENTIAL_WITHIN.search(own):
                raise ValueError(
                    f"{name} looks like a credential, or holds one; give it by Spark's own configuration files, by the "
                    "environment (JAVA_TOOL_OPTIONS for options of Java), or by a credentials provider"
                )
        return value

    @field_validator("lake_dir")
    @classmethod
    def _lake_is_a_place(cls, value: str | None) -> str | None:
        if value is not None and "://" in value and not _LAKE_ADDRESS.fullmatch(value):
            raise ValueError(
                "it is neither a folder nor an address s3://BUCKET/PATH of letters, digits, dots, - and _; other stores serve "
                "where they speak S3, as AWS_ENDPOINT_URL in the environment names them"
            )
        return value

    @property
    def told(self) -> frozenset[str]:
        """The events that are told to somebody: none where there is no address."""
        return frozenset(_parts(self.notify_on)) if self.notify_addresses else frozenset()

    @property
    def notify_addresses(self) -> list[str]:
        """The addresses that alerts go to. They are secrets."""
        return self.notify_urls.get_secret_value().split() if self.notify_urls else []

    @property
    def closed(self) -> ClosedDays:
        """The days that are declared closed."""
        return read_closed_days(self.closed_days)

    @property
    def zone(self) -> ZoneInfo:
        """The reporting timezone."""
        return ZoneInfo(self.timezone)

    @property
    def amount_scale(self) -> int:
        """Decimals of an amount: those of the reporting currency."""
        return _MINOR_UNITS.get(self.currency, 2)

    def _in_home(self, path: Path) -> Path:
        return path if path.is_absolute() else self.home.resolve() / path

    @property
    def contracts(self) -> Path:
        """Folder of the source contracts in force."""
        if self.contracts_dir is not None:
            return self._in_home(self.contracts_dir)
        own = self.home.resolve() / "data_contracts"
        return own if own.is_dir() else PROJECT_DIR / "data_contracts"

    @property
    def policies(self) -> Path:
        """Folder of the policy CSVs in force."""
        if self.policies_dir is not None:
            return self._in_home(self.policies_dir)
        own = self.home.resolve() / "policies"
        return own if own.is_dir() else SHIPPED_POLICIES

    @property
    def models(self) -> Path:
        """Folder of the deployment's own dbt models; it need not be there."""
        return (
            self._in_home(self.models_dir) if self.models_dir is not None else self.home.resolve() / "models"
        )

    @property
    def var(self) -> Path:
        """Folder of all run-time state."""
        return self._in_home(self.var_dir) if self.var_dir is not None else self.home.resolve() / "var"

    @property
    def landing(self) -> Path:
        """Folder of the landing files: `<dataset>/<YYYY-MM-DD>/…`."""
        return self._in_home(self.landing_dir) if self.landing_dir is not None else self.var / "landing"

    @property
    def warehouse(self) -> Path:
        """The warehouse's DuckDB file. BI never reads it."""
        return self.var / "warehouse" / "mainstay.duckdb"

    @property
    def lake(self) -> str:
        """Folder or address of what Spark writes; with DuckDB there is none."""
        if self.lake_dir is not None and "://" in self.lake_dir:
            return self.lake_dir.rstrip("/")
        return str(self._in_home(Path(self.lake_dir)) if self.lake_dir is not None else self.var / "lake")

    @property
    def forget_key(self) -> Path:
        """Key and hashes of the customers who were erased; there once somebody was, and backed up with the warehouse.

        A line with the key, one for each hash, `done` behind it when all of the person is gone.
        """
        return self.warehouse.with_name("forget.key")

    @property
    def serving(self) -> Path:
        """Folder of what BI reads: `marts.duckdb`, the Parquet versions and their `current` pointer."""
        return self.var / "serving"

    @property
    def docs(self) -> Path:
        """Folder of the Data Docs."""
        return self.var / "data_docs"

    @property
    def dbt_docs(self) -> Path:
        """The page of dbt's documentation, which `mainstay docs` writes."""
        return self.var / "dbt_docs" / "index.html"


def contract_files(folder: Path) -> list[Path]:
    """The contracts in a folder."""
    return sorted(folder.glob(f"*{_CONTRACT}"))


def dataset_names(settings: Settings) -> list[str]:
    """The deployment's datasets by the names of their contracts' files: cheap enough for a DAG that is being parsed."""
    return [path.name.removesuffix(_CONTRACT) for path in contract_files(settings.contracts / "sources")]


def fault_of_day(day: date) -> str | None:
    """Why a date cannot be a business date, or None."""
    if FIRST_DAY <= day <= LAST_DAY:
        return None
    return f"{day.isoformat()} is no business date; they lie from {FIRST_DAY} to {LAST_DAY}"


def secret_settings() -> frozenset[str]:
    """Settings whose values are in no file, message or log."""
    fields = Settings.model_fields.items()
    return frozenset(name for name, field in fields if "SecretStr" in str(field.annotation))


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+", text) if part]


def _given(error: ErrorDetails) -> str:
    """The wrong value, but that of a setting that there is not: a misspelt name may be that of a secret."""
    known = str(error["loc"][0]) if error["loc"] else ""
    is_secret = known in {*secret_settings(), *_MAY_HOLD_A_SECRET} or known not in Settings.model_fields
    return "" if is_secret else f" (got {error['input']!r})"


def _said(error: ErrorDetails) -> str:
    """What is wrong with a setting, and what to do where it is one that there was."""
    return _RETIRED.get(str(error["loc"][0]) if error["loc"] else "", f"{error['msg']}{_given(error)}")


def _require_none_retired() -> None:
    names = [f"MAINSTAY_{name.upper()}" for name in _RETIRED]
    if left := [name for name in names if os.environ.get(name)]:
        lines = [f"{name}: {_RETIRED[name.removeprefix('MAINSTAY_').lower()]}" for name in left]
        raise SettingsError("wrong settings (environment or mainstay.toml):\n  " + "\n  ".join(lines))


def load_settings() -> Settings:
    """Read the settings, or raise `SettingsError` with one line per wrong value."""
    try:
        settings = Settings()
    except ValidationError as error:
        lines = [f"MAINSTAY_{'_'.join(map(str, e['loc'])).upper()}: {_said(e)}" for e in error.errors()]
        raise SettingsError(
            "wrong settings (environment or mainstay.toml):\n  " + "\n  ".join(lines)
        ) from error
    except ValueError as error:  # a mainstay.toml that is no TOML
        raise SettingsError(f"mainstay.toml cannot be read: {error}") from error
    _require_none_retired()
    _require_home(settings)
    require_no_question_mark(settings.warehouse)
    return settings


def _require_home(settings: Settings) -> None:
    """A home that is not there, mistyped or not mounted, must not pass for a deployment with nothing of its own."""
    if not settings.home.is_dir():
        what = "is no folder" if settings.home.exists() else "is not there"
        raise SettingsError(
            f"MAINSTAY_HOME: {settings.home.absolute()} {what}; name the folder of a deployment, mount it, or begin one "
            "with `mainstay init FOLDER`"
        )
    for name in ("contracts_dir", "policies_dir"):
        given = getattr(settings, name)
        if given is not None and not settings._in_home(given).is_dir():
            raise SettingsError(
                f"MAINSTAY_{name.upper()}: {settings._in_home(given)} is not there; mend the name in mainstay.toml or the "
                "environment, or take the setting away for the default"
            )
