"""Transform: stage, build and fit are one `dbt build` each, run in this process."""

from pipelines.transform.environment import dbt_environment, variables
from pipelines.transform.run import NodeResult, require_selected, slowest, transform

__all__ = ["NodeResult", "dbt_environment", "require_selected", "slowest", "transform", "variables"]
