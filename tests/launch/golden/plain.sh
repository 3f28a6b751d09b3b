#!/bin/bash
#SBATCH --job-name=a
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@60
record() {  # how this task ended, written whole or not at all
  local code=$? ms=$(($(date +%s%3N) - began_ms)) at
  [ -n "${PMAP_JOB_DIR:-}" ] || return 0
  at="$PMAP_JOB_DIR/ended/a${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
  mkdir -p "${at%/*}" && printf \
    '{"code": %d, "seconds": %d.%03d, "ended_ms": %d, "node": "%s", "attempt": %d, "job": "%s"}\n' \
    "$code" "$((ms / 1000))" "$((ms % 1000))" "$((began_ms + ms))" "${SLURMD_NODENAME:-}" \
    "${PMAP_ATTEMPT:-1}" "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" \
    >"$at.part" && mv -f "$at.part" "$at.json"
}
began_ms=$(date +%s%3N)
trap record EXIT
if [ "${PMAP_ATTEMPT:-1}${SLURM_RESTART_COUNT:-0}" != 10 ]; then
  echo "pRUN: a started again on ${SLURMD_NODENAME:-this node}, $(date +'%F %T')"
fi
export OMP_NUM_THREADS=1
export OPENBLAS_NUM_THREADS=1
export MKL_NUM_THREADS=1
export BLIS_NUM_THREADS=1
export NUMEXPR_NUM_THREADS=1
export NUMBA_NUM_THREADS=1
export PMAP_NP=4
set -u
srun --mpi=pmi2 --kill-on-bad-exit=1 --ntasks=4 --cpus-per-task=1 --cpu-bind=cores -- python -m pmap.boot a.py --fast &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit "$code"
