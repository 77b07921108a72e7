#!/usr/bin/env bash
# Checks that this machine can build and run r1ctl, and names for each missing
# piece the command that installs it (Debian and Ubuntu).
#
#   scripts/prerequisites.sh             check; exit 1 if something is missing
#   scripts/prerequisites.sh --tests     check also what only the tests need: a browser
#   scripts/prerequisites.sh --install   install what is missing (as root), with what the tests need, then check again
#   scripts/prerequisites.sh --python    print the interpreter that would be used
set -euo pipefail
cd "$(dirname "$0")/.."

readonly go_minimum=1.21 # the first that fetches the version go.mod asks for by itself
readonly python_minimum=3.11 # what trainer/requirements.lock is made for
readonly browsers="chromium chromium-browser google-chrome google-chrome-stable chrome" # as internal/report/pages looks for them
readonly pythons="python3 python3.14 python3.13 python3.12 python3.11"
readonly disk_cold_gb=15 # Go's caches, the trainer's environment with its downloads, and a run
readonly disk_warm_gb=4  # the environment is there already

go_version="$(awk '$1 == "go" { print $2; exit }' go.mod)"
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo "
export PATH="$PATH:${R1CTL_GO_ROOT:-/usr/local/go}/bin"

missing=()
remedies=()
miss() { # what, command
  missing+=("$1")
  remedies+=("$2")
}

at_least() { # version, minimum
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

apt_command() {
  echo "${sudo}apt-get update && ${sudo}apt-get install -y $*"
}

go_command() {
  local arch
  case "$(uname -m)" in
    aarch64 | arm64) arch=arm64 ;;
    *) arch=amd64 ;;
  esac
  echo "${sudo}rm -rf /usr/local/go && curl -fsSL https://go.dev/dl/go$go_version.linux-$arch.tar.gz | ${sudo}tar -C /usr/local -xz && export PATH=/usr/local/go/bin:\$PATH"
}

check_go() {
  local have
  if ! command -v go >/dev/null; then
    miss "go (any from $go_minimum on)" "$(command -v curl >/dev/null || echo "$(apt_command ca-certificates curl) && ")$(go_command)"
    return
  fi
  # GOTOOLCHAIN=local shows the installed version instead of fetching another.
  have="$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)"
  have="${have#go}"
  have="${have%% *}"
  if ! at_least "${have:-0}" "$go_minimum"; then
    miss "go is ${have:-unknown}; $go_minimum or newer is needed" "$(command -v curl >/dev/null || echo "$(apt_command ca-certificates curl) && ")$(go_command)"
  elif ! at_least "$have" "$go_version" && [ "$(cd / && go env GOTOOLCHAIN)" = local ]; then
    miss "go is $have, and GOTOOLCHAIN=local forbids it to fetch $go_version" "go env -w GOTOOLCHAIN=auto && unset GOTOOLCHAIN"
  fi
}

python_version() {
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || echo 0
}

can_make_venv() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null
}

find_python() {
  local p
  for p in $pythons; do
    if command -v "$p" >/dev/null && at_least "$(python_version "$p")" "$python_minimum" && can_make_venv "$p"; then
      command -v "$p"
      return
    fi
  done
  return 1
}

check_python() {
  local have
  find_python >/dev/null && return
  if ! command -v python3 >/dev/null; then
    miss "python3 ($python_minimum or newer)" "$(apt_command python3 python3-venv)"
    return
  fi
  have="$(python_version python3)"
  if at_least "$have" "$python_minimum"; then
    miss "python3-venv" "$(apt_command python3-venv)"
  else
    miss "python3 is $have; $python_minimum or newer is needed" "$(apt_command "python$python_minimum" "python$python_minimum-venv")"
  fi
}

check_tool() { # program, package
  command -v "$1" >/dev/null || miss "$1" "$(apt_command "$2")"
}

check_browser() {
  local b
  for b in $browsers; do
    if command -v "$b" >/dev/null; then return; fi
  done
  miss "a browser, for the tests of pages (chromium or google-chrome)" "$(apt_command chromium)"
}

check_disk() {
  local cache need free
  cache="${XDG_CACHE_HOME:-${HOME:-/}/.cache}"
  need=$disk_cold_gb
  if compgen -G "$cache/r1ctl/trainer/*/py*/COMPLETE" >/dev/null; then
    need=$disk_warm_gb
  fi
  while [ ! -d "$cache" ]; do cache="$(dirname "$cache")"; done
  free="$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1000000 * 1.024) }')"
  if [ "$free" -lt "$need" ]; then
    miss "disk space: $free GB free in $cache, $need GB needed" "df -h $cache; free some space, or export XDG_CACHE_HOME to a folder on a larger disk"
  fi
}

check() {
  missing=()
  remedies=()
  check_tool git git
  check_tool make make
  check_go
  check_python
  if [ "$for_tests" = yes ]; then check_browser; fi
  check_disk
}

install_missing() {
  [ "$(id -u)" -eq 0 ] || {
    echo "--install needs root; without it this prints the commands" >&2
    exit 2
  }
  local i
  for i in "${!missing[@]}"; do
    case "${missing[$i]}" in
      "disk space"*) continue ;;
    esac
    echo "installing: ${missing[$i]}"
    DEBIAN_FRONTEND=noninteractive bash -c "set -euo pipefail; ${remedies[$i]}"
  done
}

if [ "${1:-}" = --python ]; then
  find_python
  exit
fi
for_tests=no
case "${1:-}" in
  --tests | --install) for_tests=yes ;;
esac
check
if [ "${1:-}" = --install ] && [ "${#missing[@]}" -gt 0 ]; then
  install_missing
  check
fi
[ "${#missing[@]}" -eq 0 ] && exit 0

echo "r1ctl needs, and this machine lacks:" >&2
for i in "${!missing[@]}"; do
  printf '  %s\n    install: %s\n' "${missing[$i]}" "${remedies[$i]}" >&2
done
exit 1
