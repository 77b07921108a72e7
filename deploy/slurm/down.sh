#!/usr/bin/env bash
# Ends the Slurm that up.sh brought up in DIR, with its jobs. DIR stays.
#
#   deploy/slurm/down.sh DIR
set -euo pipefail
dir="$(cd "${1:?"usage: deploy/slurm/down.sh DIR"}" && pwd)"
export PATH="$PATH:/usr/sbin:/sbin" SLURM_CONF="$dir/slurm.conf"

# ours PID: it was started by up.sh for this DIR.
ours() { { tr '\0' '\n' <"/proc/$1/environ"; } 2>/dev/null | grep -qx "R1CTL_SLURM_DIR=$dir"; }

# end NAME: TERM, and KILL when it does not go.
end() {
  local pid
  pid="$(cat "$dir/run/$1.up" 2>/dev/null)" || return 0
  for try in $(seq 60); do
    ours "$pid" || break
    if [ "$try" -lt 50 ]; then kill -TERM "$pid"; else kill -KILL "$pid"; fi 2>/dev/null || true
    kill -CONT "$pid" 2>/dev/null || true
    sleep 0.1
  done
  rm -f "$dir/run/$1.up"
}

if timeout 5 squeue -h >/dev/null 2>&1; then
  timeout 5 squeue -h -o %A | xargs -r timeout 10 scancel || true
  for _ in $(seq 100); do
    [ -n "$(timeout 5 squeue -h -o %A 2>/dev/null)" ] || break
    sleep 0.1
  done
fi
end slurmctld
end n1
end n2
# What slurmd leaves when it goes: the steps of jobs.
for environ in /proc/[0-9]*/environ; do
  pid="${environ#/proc/}"
  pid="${pid%/environ}"
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = slurmstepd ] && ours "$pid"; then
    kill -KILL "$pid" 2>/dev/null || true
  fi
done
end munged
