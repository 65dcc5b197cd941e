#!/bin/sh
# The container's command: what has to be there first, then one process with threads (see pipelines/bi/start.py).
set -eu

python prepare.py
unset MAINSTAY_BI_PASSWORD
exec gunicorn --workers 1 --worker-class gthread --threads 6 --timeout 120 --bind 0.0.0.0:8088 "superset.app:create_app()"
