#!/usr/bin/env bash
# Installs what up.sh needs of Slurm: controller, node daemon, commands, munge (Debian 12 and later, as root; some 12 MB).
# The daemons of the packages are not started.
#
#   deploy/slurm/install.sh           install
#   deploy/slurm/install.sh --check   say what is missing; exit 1 if something is
set -euo pipefail

missing=()
for program in slurmctld slurmd sbatch munged; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("$program")
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi
if [ "${1:-}" = --check ]; then
  echo "missing: ${missing[*]}; install them as root: deploy/slurm/install.sh" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing: ${missing[*]}; this script installs them as root on Debian. Elsewhere install Slurm with its controller and munge." >&2
  exit 1
fi
# RUNLEVEL=1 keeps the packages from starting their own daemons.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get update -qq
apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge
