#!/usr/bin/env bash
# Starts the service and waits until it is ready; exits 1 with the end of its journal if it does not get there.
set -euo pipefail
seconds=${CTS_START_SECONDS:-30}

if systemctl start cts-lite.service; then
  for _ in $(seq "$seconds"); do
    if "$(dirname "$0")/health-check.sh" >/dev/null 2>&1; then
      echo "cts-lite is ready"
      exit 0
    fi
    sleep 1
  done
  echo "start.sh: not ready after $seconds s" >&2
fi
journalctl --unit cts-lite.service --lines 30 --no-pager >&2 || true
exit 1
