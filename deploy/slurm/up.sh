#!/usr/bin/env bash
# Brings up a real Slurm on this machine, for tests and to try things: one controller, two nodes n1 and n2 with 2 CPUs
# and 2 pretended GPUs each, a partition "train" and a partition "urgent" that preempts it. It listens on loopback.
#
#   deploy/slurm/up.sh DIR [PORT]    all of it lies in DIR; ports PORT..PORT+2 (26817)
#   export SLURM_CONF=DIR/slurm.conf
#
# As root it authenticates by a munge of its own and confines memory by cgroups where it can; as another user it has no
# authentication (auth/none): then whoever reaches the port may submit jobs in your name. Run again, it starts what has died.
# down.sh ends it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
if [ $# -lt 1 ]; then
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
mkdir -p "$1"
dir="$(cd "$1" && pwd)"
port="${2:-26817}"
export PATH="$PATH:/usr/sbin:/sbin"
"$here/install.sh" --check
mkdir -p "$dir"/{run,log,state,spool/n1,spool/n2}
chmod 755 "$dir" "$dir/run"
host="$(hostname -s)"
user="$(id -un)"

alive() { # file with a pid, program
  local pid
  pid="$(cat "$1" 2>/dev/null)" || return 1
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] && { tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null | grep -qx "R1CTL_SLURM_DIR=$dir"
}

# daemon NAME COMMAND...: starts it unless it lives. The mark in its environment tells it from others of the same pid.
daemon() {
  local name="$1" program
  shift
  program="$(basename "$1")"
  if ! alive "$dir/run/$name.up" "$program"; then
    R1CTL_SLURM_DIR="$dir" setsid "$@" >>"$dir/log/$name.out" 2>&1 </dev/null &
    echo $! >"$dir/run/$name.up"
  fi
}

auth="AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5"
task=task/none
gres="Count=2 "
if [ "$user" = root ]; then
  auth="AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/run/munge.sock,cred_expire=5"
  if [ -w /sys/fs/cgroup/memory/tasks ] || [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    task=task/cgroup
  fi
fi

if [ ! -f "$dir/slurm.conf" ]; then
  cat >"$dir/gres.conf" <<CONF
AutoDetect=off
NodeName=n1 Name=gpu ${gres}File=/dev/tty[1-2]
NodeName=n2 Name=gpu ${gres}File=/dev/tty[3-4]
CONF
  plugin=cgroup/v1
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then plugin=cgroup/v2; fi
  cat >"$dir/cgroup.conf" <<CONF
CgroupPlugin=$plugin
CgroupAutomount=no
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
CONF
  cat >"$dir/slurm.conf.part" <<CONF
ClusterName=r1
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
$auth
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=$task
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
GresTypes=gpu
ReturnToService=2
# How long the controller tells of jobs that have ended.
MinJobAge=${R1CTL_SLURM_MIN_JOB_AGE:-300}
KillWait=2
InactiveLimit=0
# A node that says nothing for so long is lost.
SlurmdTimeout=10
SlurmctldTimeout=10
BatchStartTimeout=10
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
AccountingStorageType=accounting_storage/none
# R1CTL_SLURM_JOBCOMP=none: no record at all of jobs that have ended.
JobCompType=jobcomp/${R1CTL_SLURM_JOBCOMP:-filetxt}
JobCompLoc=$dir/log/jobcomp.txt
NodeName=DEFAULT CPUs=${R1CTL_SLURM_CPUS:-2} RealMemory=${R1CTL_SLURM_MEMORY:-4000} Gres=gpu:2 State=UNKNOWN
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1))
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2))
PartitionName=train Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=CANCEL DefMemPerCPU=500
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF DefMemPerCPU=500
CONF
  mv "$dir/slurm.conf.part" "$dir/slurm.conf"
fi

if [ "$user" = root ]; then
  mkdir -p "$dir/munge"
  if [ ! -f "$dir/munge/key" ]; then
    (umask 077 && head -c 1024 /dev/urandom >"$dir/munge/key.part" && mv "$dir/munge/key.part" "$dir/munge/key")
  fi
  chmod 700 "$dir/munge"
  # munged as root: its own user may not enter the folders above DIR. --force: DIR may lie below a folder that others may write.
  daemon munged munged --foreground --force --num-threads=2 --key-file="$dir/munge/key" --socket="$dir/run/munge.sock" \
    --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed"
  for _ in $(seq 100); do
    if [ -S "$dir/run/munge.sock" ]; then break; fi
    sleep 0.05
  done
fi
daemon slurmctld slurmctld -D -f "$dir/slurm.conf"
daemon n1 slurmd -D -N n1 -f "$dir/slurm.conf"
daemon n2 slurmd -D -N n2 -f "$dir/slurm.conf"

export SLURM_CONF="$dir/slurm.conf"
for _ in $(seq 200); do
  nodes="$(timeout 5 sinfo -h -N -p train -o '%N=%T' 2>/dev/null | sort | tr '\n' ' ' || true)"
  case "$nodes" in
    *'*'* | *down* | *unk*) ;;
    n1=*n2=*)
      echo "$nodes"
      echo "export SLURM_CONF=$dir/slurm.conf"
      exit 0
      ;;
  esac
  sleep 0.1
done
echo "Slurm does not come up: ${nodes:-the controller does not answer}; see $dir/log" >&2
tail -n 5 "$dir"/log/*.log >&2
exit 1
