#!/bin/sh
# The container's command: what has to be there first, then the server.
set -eu

python prepare.py
unset MAINSTAY_BI_PASSWORD
exec gunicorn --config gunicorn.conf.py --bind 0.0.0.0:8088
