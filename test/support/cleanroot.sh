#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# cleanroot.sh FOLDER [WHAT...] - do the README's commands do everything on a bare Debian 12?
#
# Makes a bare system in FOLDER (once; debootstrap, from the mirror this machine uses), clones the
# committed tree into it and runs there, as root in it, each WHAT: "run" (build and serve, then
# one request, then SIGTERM) or the arguments of one ./dev call. Default: run, and "test".
# Needs root and debootstrap. Remove FOLDER by hand.
set -euo pipefail
folder=$(realpath -m "${1:?a folder for the bare system}")
shift
[ $# -gt 0 ] || set -- run test
source_tree=$(cd "$(dirname "$0")/../.." && pwd)
address=127.0.0.1:15990

if [ ! -e "$folder/etc/debian_version" ]; then
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
        awk '$2 == "bookworm" { print $1; exit }')
    debootstrap --variant=minbase bookworm "$folder" "${mirror:?no bookworm mirror in the apt sources}"
fi

rm -rf "$folder/kist"
git clone -q --no-local "$source_tree" "$folder/kist"

# In namespaces of its own: the mounts and whatever still runs go away with the command.
inside() {
    unshare --mount --pid --fork --kill-child bash -euc '
        root=$1; shift
        mount --make-rprivate /
        mount --bind "$root" "$root"
        cp -L /etc/resolv.conf "$root/etc/resolv.conf"
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        mount -t proc proc "$root/proc"
        mount -t tmpfs tmpfs "$root/run"
        mkdir -p "$root/run/outside"
        cd "$root"
        pivot_root . run/outside
        umount -l /run/outside
        cd /kist
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
            ${KIST_ADDRESS:+REGISTRY_HTTP_ADDR=$KIST_ADDRESS} "$@"
    ' bash "$folder" "$@"
}

serves() { curl -sf "http://$address/v2/" >/dev/null; }

check_run() {
    local pid status=0
    KIST_ADDRESS=$address inside ./dev run &
    pid=$!
    until serves; do
        kill -0 $pid 2>/dev/null || { echo "cleanroot: ./dev run ended before it served" >&2; return 1; }
        sleep 0.2
    done
    curl -sfi "http://$address/v2/" && echo
    # The server itself, so that it drains; unshare only passes on its end.
    kill -TERM "$(pgrep -f "^/kist/build/release/cmd/registry/registry serve")"
    wait $pid || status=$?
    echo "cleanroot: ./dev run served, and ended with status $status after SIGTERM"
    return $status
}

for what; do
    if [ "$what" = run ]; then check_run; else inside ./dev $what; fi
done
