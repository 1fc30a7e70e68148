#!/usr/bin/env bash
# Installs cts-lite as a systemd service: programs, user, configuration, unit. Run it again to upgrade; configuration that
# is already there is left alone.
#   sudo deployment/scripts/install.sh [DIRECTORY WITH cts-lite AND cts]
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
programs=${1:-$here/../target/release}

[ "$(id -u)" -eq 0 ] || { echo "install.sh: must be run as root" >&2; exit 1; }
[ -x "$programs/cts-lite" ] || {
  echo "install.sh: no cts-lite in $programs; build it with: cargo build --release -p cts-server -p cts-cli" >&2
  exit 1
}

# Before anything is replaced: an upgrade may meet an older configuration.
config=/etc/cts-lite/config.toml
[ -e "$config" ] || config=$here/config/production.toml
"$programs/cts-lite" config check --config "$config"

if ! getent passwd cts-lite >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/cts-lite --no-create-home --shell /usr/sbin/nologin cts-lite
fi

# Beside the old program and renamed, so that a running one is not written over.
for program in cts-lite cts; do
  [ -x "$programs/$program" ] || continue
  install -m 0755 "$programs/$program" "/usr/local/bin/.$program.new"
  mv "/usr/local/bin/.$program.new" "/usr/local/bin/$program"
done

install -d -m 0750 -o root -g cts-lite /etc/cts-lite
install -d -m 0750 -o cts-lite -g cts-lite /var/lib/cts-lite /var/lib/cts /var/lib/cts/downloads /var/log/cts
for pair in config/production.toml:config.toml systemd/cts-lite.env:cts-lite.env; do
  from=$here/${pair%%:*} to=/etc/cts-lite/${pair##*:}
  [ -e "$to" ] || install -m 0640 -o root -g cts-lite "$from" "$to"
done
install -m 0644 "$here/systemd/cts-lite.service" /etc/systemd/system/cts-lite.service

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable cts-lite.service
fi
cat <<'TEXT'

Installed. Next:
  sudo runuser -u cts-lite -- cts-lite key create --config /etc/cts-lite/config.toml --name me
  sudo systemctl restart cts-lite
TEXT
