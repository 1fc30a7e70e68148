#!/usr/bin/env bash
# Runs the image of deployment/docker and uses it: keys, health, an upload, stop and start, the data that stays.
#
#   tests/service/container.sh IMAGE target/debug/cts LOG
#
# Takes docker, or what ENGINE names. Leaves nothing behind.
set -euo pipefail
image=$1 cts=$(realpath "$2") log=$(realpath "$3")
engine=${ENGINE:-docker}
name=cts-lite-test-$$ out=$(mktemp -d)
trap '"$engine" rm -f -v "$name" >/dev/null 2>&1; "$engine" volume rm "$name" >/dev/null 2>&1; rm -rf "$out"' EXIT
trap 'echo "FAILED at line $LINENO: $BASH_COMMAND"; "$engine" logs "$name" | tail -n 20' ERR

say() { printf '%s: as wanted\n' "$*"; }
inside() { "$engine" exec "$name" "$@"; }
ready() {
  for _ in $(seq 100); do
    if inside cts-lite health-check >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  return 1
}
state() { "$cts" --json runs get "$1" | grep -oE '"status": *"[a-z]+"' | head -n 1; }

# As deployment/README.md has it, with a free port, and as tight as the compose file.
"$engine" run -d --init --stop-timeout 30 --name "$name" -p 127.0.0.1::8080 -v "$name:/var/lib/cts-lite" \
  --read-only --tmpfs /tmp:size=64m,mode=1777 --cap-drop ALL --security-opt no-new-privileges "$image" >/dev/null 2>&1
ready
[ "$(inside id -u)" = 10001 ]
[ "$(inside stat -c '%u %a' /var/lib/cts-lite)" = "10001 750" ]
[ -z "$("$engine" logs "$name" 2>&1)" ]
if inside touch /var/lib/x 2>/dev/null; then false; fi
[ "$("$engine" inspect -f '{{json .Config.Healthcheck}}' "$name" | grep -c health-check)" = 1 ]
say "it starts without a word, as nobody in particular, and writes into its volume alone"

CTS_URL=http://$("$engine" port "$name" 8080 | head -n 1)
export CTS_URL
if "$cts" runs list >/dev/null 2>&1; then false; fi
CTS_API_KEY=$(inside cts-lite key create --name me 2>/dev/null | tr -d '\r')
export CTS_API_KEY
"$cts" ping >/dev/null
"$cts" cap | grep -q rlog-to-csv
"$cts" run rlog-to-csv --upload "$log" --wait --out-dir "$out" >/dev/null 2>&1
[ -s "$(ls "$out"/*.csv)" ]
say "nothing without a key; with one, an upload becomes a table"

run=$("$cts" --json run can_bus_check --upload "$log" -p speed=0.05 2>/dev/null | grep -oE '[0-9a-f-]{36}' | head -n 1)
for _ in $(seq 50); do [ "$(state "$run")" = '"status": "running"' ] && break; sleep 0.2; done
"$engine" stop "$name" >/dev/null 2>&1
[ "$("$engine" inspect -f '{{.State.ExitCode}}' "$name")" = 0 ]
"$engine" start "$name" >/dev/null 2>&1
ready
CTS_URL=http://$("$engine" port "$name" 8080 | head -n 1)
[ "$("$cts" runs list | grep -c completed)" = 1 ]
for _ in $(seq 50); do [ "$(state "$run")" = '"status": "running"' ] && break; sleep 0.2; done
[ "$(state "$run")" = '"status": "running"' ]
"$cts" runs cancel "$run" >/dev/null 2>&1
say "it stops in order; after the start the data is there and the interrupted run goes on"

"$engine" kill -s KILL "$name" >/dev/null 2>&1
"$engine" start "$name" >/dev/null 2>&1
ready
say "it starts again after a kill -9"
