#!/usr/bin/env bash
# Boots a Debian with the unit and the proxy of `deployment/` and looks at them: machine/look.sh runs inside.
#
#   sudo tests/service/machine/boot.sh DIRECTORY_OF_PROGRAMS LOG
#
# Needs root, debootstrap and systemd-container; not a systemd of the host. The machine is kept in ROOT (default
# /var/tmp/cts-machine) for the next time, but what the last look left in it is removed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
log=$(realpath "$2")
root=${ROOT:-/var/tmp/cts-machine}

if [ ! -e "$root/etc/os-release" ]; then
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,procps,iproute2,curl,openssl,nginx-light,sqlite3 bookworm "$root" >/dev/null
fi
rm -rf "$root"/etc/cts-lite "$root"/var/lib/{cts,cts-lite} "$root"/var/log/{cts,journal} "$root"/etc/nginx/{tls,conf.d/*}
rm -f "$root"/etc/systemd/system/{cts-lite.service,multi-user.target.wants/cts-lite.service} "$root"/usr/local/bin/*
cat >"$root/etc/systemd/system/look.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
ExecStart=/bin/bash /repository/tests/service/machine/look.sh
StandardOutput=file:/out/said
StandardError=inherit
TimeoutStartSec=300
UNIT
mkdir -p "$root"/etc/systemd/system/default.target.wants
ln -sf ../look.service "$root/etc/systemd/system/default.target.wants/look.service"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
timeout 420 systemd-nspawn -q -b -D "$root" --register=no --keep-unit --console=pipe --private-network \
  --bind-ro="$here/../../..:/repository" --bind-ro="$programs:/programs" --bind-ro="$log:/demo.rlog.zst" --bind="$out:/out" \
  </dev/null >"$out/console" || true
cat "$out/said"
[ -e "$out/passed" ] || { tail -n 20 "$out/console"; echo "the look failed"; exit 1; }
