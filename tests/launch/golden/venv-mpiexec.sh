#!/bin/bash
#SBATCH --job-name=a
#SBATCH --ntasks=6
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
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
source '/home/zoë/venv 1/bin/activate' || exit
export OMP_NUM_THREADS=1
export OPENBLAS_NUM_THREADS=1
export MKL_NUM_THREADS=1
export BLIS_NUM_THREADS=1
export NUMEXPR_NUM_THREADS=1
export NUMBA_NUM_THREADS=1
export PMAP_NP=6
unset SLURM_NTASKS_PER_NODE
set -u
'/home/zoë/venv 1/bin/mpiexec' --oversubscribe -n 6 '/home/zoë/venv 1/bin/python' -m pmap.boot a.py &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit "$code"
