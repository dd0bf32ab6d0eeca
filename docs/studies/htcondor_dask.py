"""A study on HTCondor, through Dask: ``python htcondor_dask.py STUDY.toml OUTPUT [JOBS]``.

Needs ``pip install dask-jobqueue``, this package on the machines that the jobs run
on, and ports between them and this one. Stopped at any moment, the same command
goes on with what is missing.
"""

from __future__ import annotations

import sys

from dask_jobqueue import HTCondorCluster  # type: ignore[import-not-found, attr-defined, unused-ignore]

from eμsym.studies import StudyResults, read_study, run_study


def main(study: str, output: str, jobs: str = "20") -> StudyResults:
    """Run the study on so many jobs of one core."""
    with HTCondorCluster(
        cores=1,
        memory="2 GB",
        disk="1 GB",
        python=sys.executable,
        log_directory=f"{output}-logs",
    ) as cluster:
        cluster.scale(jobs=int(jobs))
        return run_study(read_study(study), output, dask=cluster.scheduler_address)


if __name__ == "__main__":
    main(*sys.argv[1:])
