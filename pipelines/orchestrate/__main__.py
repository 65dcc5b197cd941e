"""`python -m pipelines.orchestrate up | airflow …`: the two commands by themselves."""

from __future__ import annotations

import argparse
import sys

from pipelines.errors import MainstayError
from pipelines.orchestrate.services import airflow_cli, up
from pipelines.settings import load_settings


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.orchestrate")
    commands = parser.add_subparsers(dest="command", required=True)
    run_up = commands.add_parser("up", help="run Airflow's services and web UI until Ctrl-C")
    run_up.add_argument("--host", default="127.0.0.1")
    run_up.add_argument("--port", type=int, default=8080)
    run_airflow = commands.add_parser("airflow", help="Airflow's own command line on the deployment of `up`")
    run_airflow.add_argument("args", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    try:
        if args.command == "airflow":
            return airflow_cli(load_settings(), args.args)
        up(load_settings(), args.host, args.port, say=lambda text: print(text, flush=True))
    except MainstayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
