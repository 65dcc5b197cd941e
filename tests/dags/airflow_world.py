"""Doubles of the steps, and the processes of Airflow that a test needs.

Airflow can be configured once per process, so every test that needs it starts a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT_DIR, Settings

FINDER = '''
"""Puts a double in the place of pipelines.steps; Python imports this file at its start."""
import importlib.abc, importlib.util, pathlib, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "pipelines.steps":
            double = pathlib.Path(__file__).with_name("steps_double.py")
            return importlib.util.spec_from_file_location(name, double)
        return None

sys.meta_path.insert(0, Finder())
'''

DOUBLE = '''
"""Steps that write down how they were called and fail where STEPS_FAIL says so."""
import functools, json, os, pathlib, time
from pipelines import errors

def _called(name, settings, *args, say=None, **options):
    given = {key: value for key, value in options.items() if value}
    with open(os.environ["STEPS_CALLS"], "a") as file:
        call = [name, *[None if arg is None else str(arg) for arg in args], *([given] if given else [])]
        file.write(json.dumps(call) + chr(10))
    if say is not None and os.environ.get("STEPS_SAY") == name:
        say("waiting for process 1")
    if os.environ.get("STEPS_SLEEP") == name:
        time.sleep(60)
    if os.environ.get("STEPS_FAIL") == name:
        raise getattr(errors, os.environ["STEPS_ERROR"])(name + ": line 3 of a.csv is wrong")
    if os.environ.get("STEPS_KILL") == name:
        os.kill(os.getpid(), 9)
    return {"rows": 1}

def start(settings, run_id, kind, as_of, say, *, is_own_process, reason):
    return _called("start", settings, run_id, kind, as_of, reason=reason)
def validate(settings, run_id, stage, first, last, say):
    return _called("validate_" + stage, settings, run_id, first, last, say=say)
def finish(settings, run_id, as_of, status, message=None):
    return _called("finish", settings, run_id, as_of, status, message)
def publish(settings, run_id, as_of, **options):
    _called("publish", settings, run_id, as_of, **options)
    mart = {"name": "dim_dates", "status": "changed", "rows_before": 2, "rows_after": 3}
    summary = {"as_of_date": str(as_of), "version": "v2", "rows": 1234, "unchanged": False, "before": "v1"}
    return summary | {"marts": [mart, mart | {"name": "dim_tiers", "status": "same"}]}
steps = ("land", "load", "stage", "build", "fit", "export")
land, load, stage, build, fit, export = (functools.partial(_called, n) for n in steps)
'''


@dataclass
class Deployment:
    """A deployment in a temporary folder and what its doubled steps were asked to do."""

    settings: Settings
    calls_file: Path

    @property
    def calls(self) -> list[list[Any]]:
        if not self.calls_file.exists():
            return []
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]

    @property
    def names(self) -> list[str | None]:
        return [call[0] for call in self.calls]


def run_python(code: str, env: dict[str, str]) -> str:
    """Run code in a process of its own and return what it printed; fail with its output if it fails."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


DAY = date(2017, 12, 30)

CHAIN = [
    "land",
    "validate_land",
    "load",
    "validate_raw",
    "stage",
    "validate_staging",
    "build",
    "fit",
    "validate_marts",
    "publish",
    "finish",
]

EXPORTING = [*CHAIN[:-1], "export", CHAIN[-1]]
"""With an address of PostgreSQL set."""
