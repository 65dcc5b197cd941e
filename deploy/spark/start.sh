#!/bin/sh
# The first process of a container with Spark: says who may speak to whom in the cluster, and becomes what it is to run.
#
# The cluster's secret comes in the environment and goes into a file of this user alone, never into a command line. Containers
# that are not given it, Airflow's web server say, do nothing with Spark.
set -eu
if [ -n "${SPARK_RPC_SECRET+given}" ]; then
    case "$SPARK_RPC_SECRET" in
    "" | *[!0-9A-Za-z]*)
        echo "MAINSTAY_SPARK_SECRET has to be letters and digits alone; fill it in in .env: openssl rand -hex 32" >&2
        exit 2
        ;;
    esac
    umask 077 # what follows inherits it: whatever a worker writes is its account's alone
    mkdir -p "$SPARK_CONF_DIR"
    cp "$(dirname "$0")/log4j2.properties" "$SPARK_CONF_DIR/"
    cat >"$SPARK_CONF_DIR/spark-defaults.conf" <<CONF
spark.authenticate            true
spark.authenticate.secret     $SPARK_RPC_SECRET
spark.network.crypto.enabled  true
spark.master.rest.enabled     false
spark.ui.killEnabled          false
spark.worker.cleanup.enabled  true
CONF
    unset SPARK_RPC_SECRET
fi
exec "$@"
