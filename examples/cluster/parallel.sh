#!/bin/sh
# Run a sweep with GNU parallel, on this host or over ssh on many.
#
#     parallel.sh FILE DIR [HOSTS]
#
# HOSTS lists hosts as --sshloginfile of parallel(1) takes them, a line each,
# such as "8/node1"; without it, all is run here. Hosts see FILE, DIR, this
# folder and the program under the same absolute names. A run that was interrupted is started
# again in the same way: what is in DIR is not run twice.
#
#     VMCYCLE   the program, if it is not in PATH
#     BATCH     points a command; 20 unless it is set
set -eu
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
file=$(realpath "$1") dir=$(realpath -m "$2") hosts=${3:-}
program=$(command -v "${VMCYCLE:-vmcycle}")
program=$(realpath "$program")
batch=${BATCH:-20}
points=$("$program" sweep "$file" --list | wc -l)
mkdir -p "$dir"

# Status 1 says that a point failed or found a mismatch, which another try would
# not change. Anything else is tried three times: a host may go away. Whether
# all went well is what the merge says.
seq 1 "$batch" "$points" |
    while read -r first; do
        last=$((first + batch - 1))
        echo "$first-$((last < points ? last : points))"
    done |
    parallel --quote --workdir "$PWD" --retries 3 --joblog "$dir/parallel.tsv" \
        ${hosts:+--sshloginfile "$hosts"} \
        sh -c '"$@" || [ $? = 1 ]' sh \
        "$program" sweep "$file" -o "$dir" -j 1 --points {} \
        >"$dir/parallel.txt" || true
exec "$program" sweep "$file" -o "$dir" --merge
