#!/usr/bin/env bash
# Exits 0 when the service is ready. Reads what the unit reads, so that it asks the right port.
set -euo pipefail
environment=${CTS_ENV_FILE:-/etc/cts-lite/cts-lite.env}
if [ -r "$environment" ]; then
  set -a
  # shellcheck disable=SC1090 # the path is the administrator's
  . "$environment"
  set +a
fi
exec cts-lite health-check "$@"
