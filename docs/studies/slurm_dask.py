"""A study on Slurm, through Dask: ``python slurm_dask.py STUDY.toml OUTPUT [JOBS]``.

Needs ``pip install dask-jobqueue``, this package on the machines that the jobs run
on, and ports between them and this one. Stopped at any moment, the same command
goes on with what is missing.
"""

from __future__ import annotations

import sys

from dask_jobqueue import SLURMCluster  # type: ignore[import-not-found, attr-defined, unused-ignore]

from eμsym.studies import StudyResults, read_study, run_study


def main(study: str, output: str, jobs: str = "20") -> StudyResults:
    """Run the study on so many jobs of four cores."""
    with SLURMCluster(
        cores=4,
        processes=4,
        memory="8 GB",
        walltime="04:00:00",
        python=sys.executable,
        log_directory=f"{output}-logs",
    ) as cluster:
        cluster.scale(jobs=int(jobs))
        return run_study(read_study(study), output, dask=cluster.scheduler_address)


if __name__ == "__main__":
    main(*sys.argv[1:])
