"""A submission to HEPData, as its validator and a reader of YAML see it."""

from pathlib import Path

import pytest

from eμsym.errors import EmusymError
from eμsym.limits.upper_limit import UpperLimit

pytest.importorskip("hepdata_lib")
yaml = pytest.importorskip("yaml")

# Its validator leaves files open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

LIMIT = UpperLimit(100.0, (50.0, 70.0, 90.0, 120.0, 150.0), 3.0)


def test_a_submission_holds_the_limits(tmp_path: Path) -> None:
    from hepdata_validator.full_submission_validator import FullSubmissionValidator

    from eμsym.limits.hepdata import write_submission

    before = set(Path.cwd().iterdir())
    limits = {
        "Events": {"hlfv_taue": LIMIT, "hlfv_taumu": LIMIT.scaled(2, "events")},
        "Cross section": {"hlfv_taue": LIMIT.scaled(1e-3, "pb")},
        "Nothing": {},
    }
    folder = write_submission(limits, tmp_path / "hepdata", comment="A test")
    assert set(Path.cwd().iterdir()) == before
    assert FullSubmissionValidator().validate(archive=str(folder / "submission.tar.gz"))
    parts = list(yaml.safe_load_all((folder / "submission.yaml").read_text(encoding="utf-8")))
    assert [part["name"] for part in parts[1:]] == ["Events", "Cross section"]
    table = yaml.safe_load((folder / parts[1]["data_file"]).read_text(encoding="utf-8"))
    observed, expected = table["dependent_variables"]
    assert [x["value"] for x in observed["values"]] == [100.0, 200.0]
    assert expected["values"][0]["value"] == 90.0
    one, two = expected["values"][0]["errors"]
    assert one["asymerror"] == {"minus": -20.0, "plus": 30.0}
    assert two["asymerror"] == {"minus": -40.0, "plus": 60.0}
    with pytest.raises(EmusymError):
        write_submission(limits, folder)
    with pytest.raises(EmusymError, match="no limit"):
        write_submission({"Events": {}}, tmp_path / "empty")
