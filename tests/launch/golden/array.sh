#!/bin/bash
#SBATCH --job-name=tiles
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=00:04:00
#SBATCH --mem-per-cpu=2048M
#SBATCH --array=0-24%4
#SBATCH --requeue
#SBATCH --open-mode=append
record() {  # how this task ended, written whole or not at all
  local code=$? ms=$(($(date +%s%3N) - began_ms)) at
  [ -n "${PMAP_JOB_DIR:-}" ] || return 0
  at="$PMAP_JOB_DIR/ended/tiles${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
  mkdir -p "${at%/*}" && printf \
    '{"code": %d, "seconds": %d.%03d, "ended_ms": %d, "node": "%s", "attempt": %d, "job": "%s"}\n' \
    "$code" "$((ms / 1000))" "$((ms % 1000))" "$((began_ms + ms))" "${SLURMD_NODENAME:-}" \
    "${PMAP_ATTEMPT:-1}" "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" \
    >"$at.part" && mv -f "$at.part" "$at.json"
}
began_ms=$(date +%s%3N)
trap record EXIT
if [ "${PMAP_ATTEMPT:-1}${SLURM_RESTART_COUNT:-0}" != 10 ]; then
  echo "pRUN: tiles started again on ${SLURMD_NODENAME:-this node}, $(date +'%F %T')"
fi
export OMP_NUM_THREADS=1
export OPENBLAS_NUM_THREADS=1
export MKL_NUM_THREADS=1
export BLIS_NUM_THREADS=1
export NUMEXPR_NUM_THREADS=1
export NUMBA_NUM_THREADS=1
export PMAP_NP=1
export PMAP_MEMORY_GB=2
set -u
srun --mpi=pmi2 --kill-on-bad-exit=1 --ntasks=1 --cpus-per-task=1 -- python -m pmap.boot -m pmap.apps.pipeline d.toml --task "$SLURM_ARRAY_TASK_ID" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit "$code"
