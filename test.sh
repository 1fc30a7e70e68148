#!/usr/bin/env bash
# Runs all tests: Rust (formatting, lints, unit, integration, end to end, docs) and Python (independent readers).
# Installs what it needs into .venv and the cargo cache; needs a Rust toolchain, a C compiler and Python 3.9 or newer.
# Ends with one line: "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}" CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# step NAME COMMAND...: runs it, shows its output, and counts its tests, or itself as one when it has none.
step() {
  local name=$1 status good bad
  shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  good=$(grep -oE '[0-9]+ passed' "$log" | awk '{n += $1} END {print n + 0}')
  bad=$(grep -oE '[0-9]+ failed' "$log" | awk '{n += $1} END {print n + 0}')
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$status" -eq 0 ] && [ "$good" -eq 0 ]; then good=1; fi
  passed=$((passed + good)) failed=$((failed + bad))
}

# The `capnp` program compiles the fork's schema of one test; without it that test is skipped, and says so.
if ! command -v capnp >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
  (apt-get update -qq && apt-get install -qq -y --no-install-recommends capnproto) >/dev/null 2>&1 || true
fi

step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "rust" cargo test --workspace --all-features --locked --no-fail-fast
step "docs" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
if [ -d "${CTS_SCHEMA_FACTS:-../shared/facts/schema}" ]; then
  step "schema snapshot" python3 cts-core/schema/build.py --check
else
  printf "\nSKIPPED: schema snapshot, no schema facts at ../shared/facts/schema (set CTS_SCHEMA_FACTS)\n"
fi

if python3 -m venv .venv && .venv/bin/pip install -q -r tests/peers/requirements.txt -r tests/page/requirements.txt &&
  .venv/bin/pip install -q --no-deps -r tests/peers/requirements-opendbc.txt; then
  target=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
  step "python" env CTS_BIN="$target/debug/cts" .venv/bin/pytest -q -rs tests/peers
  step "pages" env REPORT_PAGE="$target/debug/examples/report_page" CTS_LITE="$target/debug/cts-lite" CTS_BIN="$target/debug/cts" \
    .venv/bin/pytest -q -rs tests/page
  if .venv/bin/pip install -q -r tests/service/requirements.txt; then
    "$target/debug/cts" demo --seconds 5 --out-dir "$target/demo-service" >/dev/null
    step "journey of a user" .venv/bin/python tests/service/acceptance.py "$target/debug/cts-lite" "$target/debug/cts" "$target/demo-service/demo.rlog.zst"
    step "behind nginx" .venv/bin/python tests/service/proxy.py "$target/debug/cts-lite" "$target/debug/cts" "$target/demo-service/demo.rlog.zst"
    step "read by Prometheus" .venv/bin/python tests/service/metrics.py "$target/debug/cts-lite" "$target/demo-service/demo.rlog.zst"
    step "older clients" .venv/bin/python tests/service/old_client.py "$target/debug/cts-lite" "$target/demo-service/demo.rlog.zst"
    step "kill -9" .venv/bin/python tests/service/kill.py "$target/debug/cts-lite" "$target/demo-service/demo.rlog.zst" 50
    step "older clients themselves" .venv/bin/python tests/service/real_client.py "$target/debug/cts-lite" "$target/demo-service/demo.rlog.zst"
    .venv/bin/pip install -q schemathesis openapi-spec-validator || echo "SKIPPED: schemathesis cannot be installed"
    step "fuzzed interface" .venv/bin/python tests/service/api_fuzz.py "$target/debug/cts-lite" "$target/demo-service/demo.rlog.zst"
  fi
else
  printf 'cannot install the Python packages of tests/peers and tests/page\n'
  failed=$((failed + 1))
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
