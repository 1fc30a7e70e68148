#!/usr/bin/env bash
# Stops the service. Running runs get `shutdown_grace_seconds`; queued ones go on after the next start.
set -euo pipefail
systemctl stop cts-lite.service
echo "cts-lite is stopped"
