"""Studies: thousands of toys, kept as they are done, killed and resumed at will."""

from eμsym.studies.results import StudyResults
from eμsym.studies.running import merge_stores, read_results, run_study
from eμsym.studies.study_config import (
    PairRow,
    PoolRow,
    Study,
    StudyTest,
    ToyRow,
    read_study,
    study_from_dict,
)

__all__ = [
    "PairRow",
    "PoolRow",
    "Study",
    "StudyResults",
    "StudyTest",
    "ToyRow",
    "merge_stores",
    "read_results",
    "read_study",
    "run_study",
    "study_from_dict",
]
