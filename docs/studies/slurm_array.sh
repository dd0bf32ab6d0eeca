#!/bin/sh
# A study as an array of Slurm jobs, without Dask:  sbatch slurm_array.sh STUDY.toml OUTPUT
# All jobs write into OUTPUT, which they must all see; the last one finishes it. Sent again,
# with as many jobs or another number, it does only what is missing.
#SBATCH --array=0-19
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
exec emusym toys "$1" -o "$2" --workers 1 \
    --job "$SLURM_ARRAY_TASK_ID" --jobs "$SLURM_ARRAY_TASK_COUNT"
