#!/bin/sh
# Run a sweep as a Slurm job array, a batch of points an element; a job that
# waits for all of them joins the rows.
#
#     slurm.sh FILE DIR [OPTION OF SBATCH...]
#     slurm.sh sweep.ini out --partition=long --cpus-per-task=4
#
# It prints the numbers of the two jobs. Elements that failed, were preempted
# or ran out of time: start it again in the same way; what is in DIR is not run
# twice.
#
#     VMCYCLE   the program, if it is not in PATH
#     BATCH     points an element; otherwise 100, or as many as make 1000
#               elements, which Slurm takes unless MaxArraySize says otherwise
set -eu
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
file=$(realpath "$1") dir=$(realpath -m "$2")
shift 2
program=$(command -v "${VMCYCLE:-vmcycle}")
program=$(realpath "$program")
points=$("$program" sweep "$file" --list | wc -l)
batch=${BATCH:-$((points > 100000 ? (points + 999) / 1000 : 100))}
elements=$(((points + batch - 1) / batch))
mkdir -p "$dir/slurm"

# What an element runs. Everything it needs comes as arguments, so the job does
# not depend on the environment that it was submitted from.
array=$(sbatch --parsable --job-name=sweep --array="1-$elements" --requeue \
    --output="$dir/slurm/%A_%a.txt" "$@" /dev/stdin \
    "$program" "$file" "$dir" "$batch" "$points" <<'JOB'
#!/bin/sh
program=$1 file=$2 dir=$3 batch=$4 points=$5
first=$(((SLURM_ARRAY_TASK_ID - 1) * batch + 1))
last=$((first + batch - 1))
[ "$last" -le "$points" ] || last=$points
exec "$program" sweep "$file" -o "$dir" -j "${SLURM_CPUS_PER_TASK:-1}" \
    --points "$first-$last"
JOB
)
# afterany: what has failed is missing from the rows, and the merge says so.
merge=$(sbatch --parsable --job-name=sweep-merge \
    --dependency="afterany:${array%%;*}" --output="$dir/slurm/merge.txt" \
    "$@" /dev/stdin "$program" "$file" "$dir" <<'JOB'
#!/bin/sh
exec "$1" sweep "$2" -o "$3" --merge
JOB
)
echo "${array%%;*} ${merge%%;*}"
