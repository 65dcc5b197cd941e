"""Transform: stage, build and fit are one `dbt build` each, run in this process."""

from pipelines.transform.environment import dbt_environment, variables
from pipelines.transform.run import NodeResult, slowest, transform

__all__ = ["NodeResult", "dbt_environment", "slowest", "transform", "variables"]
