"""What dbt is told of a deployment: variables, and what its project and profile read from the environment."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from pipelines.contracts import published_columns
from pipelines.contracts.amounts import average_scale
from pipelines.contracts.policies import read_policies
from pipelines.paths import plain
from pipelines.settings import PROJECT_DIR
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings


def variables(settings: Settings) -> dict[str, Any]:
    """The dbt variables of a deployment, the same every night; policies are checked on the way."""
    names = (
        "timezone",
        "currency",
        "tier_window_months",
        "new_customer_months",
        "soft_landing",
        "grace_months",
        "survey_validity_months",
        "benchmark_quantile",
        "benchmark_min_peers",
        "default_lapsed_days",
        "revenue_retention_window_months",
        "default_margin_rate",
        "discount_rate",
        "scenario_retention_points",
        "min_group_answers",
        "silent_per_complaint",
        "reached_per_unhappy",
        "repeat_complaint_days",
        "defection_min_days",
        "defection_said_days",
        "defection_complaint_days",
        "defection_unresolved_hours",
        "defection_survey_days",
        "defection_discount_share",
        "defection_price_spend_ratio",
        "defection_habit_spend_ratio",
        "defection_habit_category_drop",
        "defection_return_share",
        "defection_return_lines",
        "defection_long_lapsed_days",
        "committed_max_discount_share",
        "min_team_size",
        "care_cycle_days",
        "care_on_time_days",
        "care_late_days",
        "points_expiry_months",
        "points_on_shortfall",
        "offer_in_range_days",
    )
    policies = read_policies(settings)
    published = published_columns(settings)
    return {
        **{name: getattr(settings, name) for name in names},
        "amount_scale": settings.amount_scale,
        "average_scale": average_scale(settings.amount_scale),
        "closed_days": settings.closed.as_variable(),
        "peer_attribute_levels": policies.peer_attribute_levels,
        "published_columns": {name: [c.name for c in columns] for name, columns in published.items()},
    }


def own_sources(settings: Settings) -> Path:
    """The file in which dbt reads of the deployment's own datasets; `transform` writes it."""
    return settings.var / "dbt" / "sources" / "_own_sources.yml"


def default_policies(settings: Settings) -> Path:
    """The folder in which dbt finds the policies that the deployment leaves out; `transform` fills it."""
    return settings.var / "dbt" / "policies"


def project_folder() -> Path:
    """The dbt project, by a path that dbt takes for nothing else."""
    return plain(PROJECT_DIR / "dbt_project")


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt_project.yml and profiles.yml read from the environment."""
    project = project_folder()
    return {
        "MAINSTAY_DBT_TARGET": engine_of(settings).dbt_target,
        "MAINSTAY_WAREHOUSE": str(plain(settings.warehouse)),
        "MAINSTAY_SEEDS_PATH": os.path.relpath(plain(settings.policies), project),
        "MAINSTAY_DEFAULT_SEEDS_PATH": os.path.relpath(plain(default_policies(settings)), project),
        "MAINSTAY_MODELS_PATH": os.path.relpath(plain(settings.models), project),
        "MAINSTAY_SOURCES_PATH": os.path.relpath(plain(own_sources(settings).parent), project),
        "MAINSTAY_DBT_CONNECT_ATTEMPTS": str(_connect_attempts(settings)),
        "MAINSTAY_DBT_DUCKDB_THREADS": str(settings.duckdb_threads or os.cpu_count() or 2),
        "MAINSTAY_DBT_MEMORY_LIMIT": settings.duckdb_memory_limit or _default_memory_limit(),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def _connect_attempts(settings: Settings) -> int:
    """How often dbt tries to open the warehouse while another program has it: it waits 1, 2, 4, … seconds in between."""
    return min(max(1, int(math.log2(settings.lock_timeout_seconds + 1))), 6)


def _default_memory_limit() -> str:
    """Four fifths of the machine's memory: DuckDB's own default, which a dbt profile cannot leave unsaid."""
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') * 4 // 5 // 2**20}MiB"
