#!/bin/sh
# Run a sweep with Open MPI: rank 0 hands out the points, all ranks run them.
#
#     mpi.sh FILE DIR [OPTION OF MPIRUN...]
#     mpi.sh sweep.ini out --hostfile hosts
#
# A run that was interrupted, or has lost a rank, is started again in the same
# way: what is in DIR is not run twice.
set -eu
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
file=$1 dir=$2
shift 2
exec mpirun "$@" "${VMCYCLE:-vmcycle}" sweep "$file" -o "$dir"
