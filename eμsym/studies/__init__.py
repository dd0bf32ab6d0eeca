"""Studies: thousands of toys, kept as they are done, killed and resumed at will."""

from eμsym.studies.registry import register_source, register_test
from eμsym.studies.results import StudyResults
from eμsym.studies.rows import PairRow, PoolRow, SourceRow, ToyRow
from eμsym.studies.running import merge_stores, read_results, run_study
from eμsym.studies.study_config import Study, StudyTest, read_study, study_from_dict

__all__ = [
    "PairRow",
    "PoolRow",
    "SourceRow",
    "Study",
    "StudyResults",
    "StudyTest",
    "ToyRow",
    "merge_stores",
    "read_results",
    "read_study",
    "register_source",
    "register_test",
    "run_study",
    "study_from_dict",
]
