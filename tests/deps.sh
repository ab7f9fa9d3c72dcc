#!/bin/sh
# Install the named Debian packages that are missing; ask nothing.
#
#     deps.sh PACKAGE...
set -u
missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    # pkgconf takes the place of pkg-config on newer systems.
    if [ "$package" = pkg-config ] && command -v pkg-config >/dev/null; then
        status=installed
    fi
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
run=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        run="sudo -n"
    else
        printf 'Missing packages, and no right to install them. Run:\n' >&2
        printf '    sudo apt-get update && sudo %s\n' "$install" >&2
        exit 1
    fi
fi
export DEBIAN_FRONTEND=noninteractive
printf '  DEPS %s\n' "$missing"
# shellcheck disable=SC2086 # the lists are meant to be split
$run $install >/dev/null 2>&1 ||
    { $run apt-get update -qq && $run $install >/dev/null; } ||
    { printf 'Could not install. Run:\n    %s\n' "$install" >&2; exit 1; }
