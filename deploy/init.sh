#!/bin/sh
# What has to be there before Airflow's services start; safe to run again at every start.
set -eu

if ! [ -w /opt/mainstay/var ]; then
    echo "The state folder is not writable for user $(id -u): on the host, make MAINSTAY_VAR (default ./var)" \
        "and give it to the user in MAINSTAY_UID." >&2
    exit 1
fi

airflow db migrate
# DuckDB has one writer: all tasks take this pool's only slot.
airflow pools set warehouse 1 "One slot: DuckDB has one writer."

# The web UI's password, readable by its owner alone; written anew at each start, so a changed .env takes effect.
umask 077
python - <<'PYTHON'
import json, os, pathlib

path = pathlib.Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
path.write_text(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}) + "\n")
PYTHON
