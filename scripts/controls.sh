#!/usr/bin/env bash
# Runs the profile `controls` of full-r1 with three seeds and writes what came out to docs/controls-results.md.
# What an earlier call committed is reused. Usage: scripts/controls.sh R1CTL STATE_DIR [SEED...]
set -euo pipefail
cd "$(dirname "$0")/.."
r1ctl=$1 state=$2
shift 2
seeds=("$@")
[ ${#seeds[@]} -gt 0 ] || seeds=(17 18 19)

runs=()
for seed in "${seeds[@]}"; do
  # Progress goes to standard error, the outcome to standard output.
  outcome=$("$r1ctl" start recipes/full-r1.yaml --profile controls --set "seed=$seed" --state-dir "$state" -o json)
  runs+=("$(python3 -c 'import json, sys; print(json.load(sys.stdin)["run"])' <<<"$outcome")")
done

pairs=()
for pair in \
  eval-zero=eval-base eval-zero-permuted=eval-base eval-zero=eval-zero-permuted eval-zero=eval-zero-direct \
  eval-student-48=eval-pre-48 eval-student-48=eval-answers-48 \
  eval-student-32=eval-pre-32 eval-student-32=eval-answers-32; do
  pairs+=(--against "$pair")
done
results=docs/controls-results.md
{
  echo '<!-- written by make controls -->'
  echo '# Results of the controls'
  echo
  "$r1ctl" compare "${runs[@]}" "${pairs[@]}" --state-dir "$state"
} >"$results.new"
mv "$results.new" "$results"
echo "wrote $results"
