#!/bin/sh
# Writes requirements.lock, requirements-vllm.lock and requirements-dev.lock from their .in files: exact versions with the
# sha256 of every file of theirs, and no address of a registry. Needs uv; versions that a lock already has are kept unless
# UPGRADE=1.
set -eu
cd "$(dirname "$0")"

lock() {
    in=$1 out=$2
    shift 2
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links ${UPGRADE:+--upgrade} "$@" --output-file "$out" "$in"
    # pyproject.toml limits the lock to Linux on two machines; said once there, it need not be said on every line.
    sed -i -e "s/ ; (platform_machine == 'aarch64' or platform_machine == 'x86_64') and sys_platform == 'linux'//" \
        -e "s/ and ((platform_machine == 'aarch64' and sys_platform == 'linux') or (platform_machine == 'x86_64' and sys_platform == 'linux'))//" \
        "$out"
}

lock requirements.in requirements.lock --override overrides.txt
lock requirements-vllm.in requirements-vllm.lock
lock requirements-dev.in requirements-dev.lock --constraint requirements.lock
