"""Runs Mainstay's DAGs: in-process for a person, by Airflow's services for the night."""

from pipelines.orchestrate.inprocess import DagRunResult, Progress, TaskResult, run_nightly_dag
from pipelines.orchestrate.services import airflow_cli, up

__all__ = ["DagRunResult", "Progress", "TaskResult", "airflow_cli", "run_nightly_dag", "up"]
