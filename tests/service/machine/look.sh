#!/usr/bin/env bash
# shellcheck disable=SC2016 # backquotes in what is looked for
# Runs inside the machine of boot.sh, as root, with the repository at /repository.
set -euo pipefail
trap 'echo "FAILED at line $LINENO: $BASH_COMMAND"; journalctl -u cts-lite -n 40 --no-pager' ERR
scripts=/repository/deployment/scripts
cd /root

say() { printf '%s: as wanted\n' "$*"; }
as_service() { runuser -u cts-lite -- "$@"; }
main_pid() { systemctl show -p MainPID --value cts-lite; }
workers() { { pgrep -xf '/usr/local/bin/cts-lite worker' || true; } | wc -l; }
status() { cts --json runs get "$1" | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p' | head -n 1; }
journal_has() { journalctl -u cts-lite --no-pager | grep -qF -- "$1"; }
until_true() {
  for _ in $(seq 150); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  echo "never true: $*"
  return 1
}
ready() { cts-lite health-check --config /etc/cts-lite/config.toml >/dev/null 2>&1; }
is_status() { [ "$(status "$1")" = "$2" ]; }
slow_run() { cts --json run can_bus_check --upload /demo.rlog.zst -p speed=0.05 2>/dev/null | grep -oE '[0-9a-f-]{36}' | head -n 1; }

"$scripts/install.sh" /programs
systemd-analyze verify /etc/systemd/system/cts-lite.service
systemd-analyze security --threshold=15 cts-lite.service >/out/security
say "installed; $(tail -n 1 /out/security)"

"$scripts/start.sh"
"$scripts/health-check.sh" >/dev/null
for dir in /var/lib/cts-lite /var/lib/cts /var/lib/cts/downloads /var/log/cts; do
  [ "$(stat -c '%U %G %a' "$dir")" = "cts-lite cts-lite 750" ]
done
[ "$(stat -c '%U %G %a' /etc/cts-lite /etc/cts-lite/config.toml | paste -sd,)" = "root cts-lite 750,root cts-lite 640" ]
[ -z "$(find /var/lib/cts-lite -perm /o=rwx)" ]
journal_has "the configuration can be used (environment production, 0 warnings)"
say "started; directories belong to the service and nobody else may look"

CTS_API_KEY=$(as_service cts-lite key create --config /etc/cts-lite/config.toml --name me)
export CTS_API_KEY CTS_URL=http://127.0.0.1:8080
cts run rlog-to-csv --upload /demo.rlog.zst --wait --out-dir /tmp/out >/dev/null
install -m 0644 /demo.rlog.zst /var/lib/cts/drive.rlog.zst
cts run cruise-control-analyzer --path /var/lib/cts/drive.rlog.zst --wait --out-dir /tmp/out >/dev/null
[ -s /tmp/out/analysis_report.html ]
as_service cts-lite key list --config /etc/cts-lite/config.toml | grep -q me
say "runs work under the limits of the unit"

run=$(slow_run)
until_true is_status "$run" running
for pid in $(main_pid) $(pgrep -xf '/usr/local/bin/cts-lite worker'); do
  held=$(sed -nE 's/^(CapEff|CapBnd|NoNewPrivs|Seccomp):\s*/\1=/p' "/proc/$pid/status" | paste -sd' ')
  [ "$held" = "CapEff=0000000000000000 CapBnd=0000000000000000 NoNewPrivs=1 Seccomp=2" ]
done
inside() { nsenter -t "$(main_pid)" -m -- "$@"; }
for place in /usr/local/bin /etc/cts-lite /var/lib /root; do
  if inside touch "$place/x" 2>/dev/null; then false; fi
done
[ -z "$(inside ls /root)" ] && ! inside test -e /dev/sda
say "no capabilities, no new ones, system calls filtered, other directories closed"

cat >>/etc/cts-lite/config.toml <<<'retry_pause_ms = 501'
sed -i 's/^max_concurrent_runs = 5/max_concurrent_runs = 6/' /etc/cts-lite/config.toml
before=$(main_pid)
systemctl reload cts-lite
until_true journal_has '`max_concurrent_runs` changed from 5 to 6: holds now'
journal_has '`retry_pause_ms` changed from 500 to 501: needs a restart'
mv /var/log/cts/audit.jsonl /var/log/cts/audit.1
sed -i 's/^max_concurrent_runs = 6/max_concurrent_runs = many/' /etc/cts-lite/config.toml
if systemctl reload cts-lite 2>/dev/null; then false; fi
kill -HUP "$before"
until_true journal_has 'the configuration cannot be used; the old one stays'
sed -i 's/^max_concurrent_runs = many/max_concurrent_runs = 6/' /etc/cts-lite/config.toml
systemctl reload cts-lite
until_true test -e /var/log/cts/audit.jsonl
[ "$(main_pid)" = "$before" ] && is_status "$run" running
say "reload: what is good holds, what is bad is refused, the audit log is opened anew"

kill -9 "$before"
until_true ready
[ "$(main_pid)" != "$before" ]
until_true is_status "$run" failed
[ "$(workers)" -le 1 ]
journal_has "code=killed, status=9/KILL"
say "kill -9: started again, the run is interrupted, no worker is left"

run=$(slow_run)
until_true is_status "$run" running
"$scripts/stop.sh"
[ "$(workers)" = 0 ] && [ -z "$(pgrep -u cts-lite || true)" ]
[ "$(systemctl show -p Result --value cts-lite)" = success ]
[ ! -s /var/lib/cts-lite/store.db-wal ]
"$scripts/start.sh"
until_true is_status "$run" running
cts runs cancel "$run" >/dev/null
say "stop: in order, nothing is left, the run goes on after the start"

store=/var/lib/cts-lite copy=/var/backups/cts-lite
rm -rf "$copy"
install -d -o cts-lite -g cts-lite -m 0750 "$copy"
as_service sqlite3 "$store/store.db" ".backup $copy/store.db"
cp -a "$store/runs" "$store/uploads" "$copy/"
known=$(cts --json runs list)
cts run rlog-to-csv --path /var/lib/cts/drive.rlog.zst --wait --out-dir /tmp/later >/dev/null
kill -9 "$(main_pid)"
systemctl stop cts-lite
rm -rf "$store"/store.db* "$store/runs" "$store/uploads"
cp -a "$copy"/* "$store/"
"$scripts/start.sh" >/dev/null
[ "$(cts --json runs list)" = "$known" ]
first=$(cts --json runs list | grep -oE '"run_id": *"[0-9a-f-]{36}"' | tail -n 1 | grep -oE '[0-9a-f-]{36}')
cts --json art list "$first" | grep -q demo.csv
say "back-up while it runs, and back again after a kill -9"

"$scripts/install.sh" /programs >/dev/null
grep -q '^max_concurrent_runs = 6' /etc/cts-lite/config.toml
systemctl restart cts-lite
until_true ready
say "upgrade while it runs; the configuration stays"

sed -i 's/^port = 8080/prot = 8080/' /etc/cts-lite/config.toml
if "$scripts/install.sh" /programs >/tmp/said 2>&1; then false; fi
grep -q 'unknown key `prot`' /tmp/said
systemctl stop cts-lite
if "$scripts/start.sh" >/tmp/said 2>&1; then false; fi
grep -q 'unknown key `prot`' /tmp/said
sed -i 's/^prot = 8080/port = 8080/' /etc/cts-lite/config.toml
systemctl reset-failed cts-lite
"$scripts/start.sh"
say "a mistake in the configuration: neither upgrade nor start, and the place is named"

cp /repository/deployment/nginx/cts-lite.conf /etc/nginx/conf.d/
install -d -m 0700 /etc/nginx/tls
openssl req -x509 -newkey rsa:2048 -nodes -keyout /etc/nginx/tls/cts.key -out /etc/nginx/tls/cts.crt -days 2 \
  -subj /CN=cts.example.org -addext subjectAltName=DNS:cts.example.org 2>/dev/null
nginx -t -q
systemctl restart nginx
ask() { curl -sS --cacert /etc/nginx/tls/cts.crt --resolve cts.example.org:443:127.0.0.1 "$@"; }
for version in 1.1 2; do
  [ "$(ask --http$version -o /dev/null -w '%{http_version} %{http_code}' https://cts.example.org/v1/health)" = "$version 200" ]
done
run=$(slow_run)
until_true is_status "$run" running
link=$(ask --http2 -H "X-API-Key: $CTS_API_KEY" "https://cts.example.org/v1/runs?limit=5" | grep -c '"id"')
[ "$link" -ge 1 ]
{ ask --http2 -N -m 5 -H "X-API-Key: $CTS_API_KEY" "https://cts.example.org/v1/runs/$run/logs" || true; } >/tmp/stream 2>/dev/null
grep -q "Starting can_bus_check" /tmp/stream && is_status "$run" running
say "nginx: HTTP/1.1 and HTTP/2 by TLS, and a stream while the run goes on"

systemctl stop cts-lite
journalctl -u cts-lite --no-pager >/out/journal
touch /out/passed
