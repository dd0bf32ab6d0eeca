"""The names that the package offers: the one list of them.

Type checkers read it as it stands, and `eμsym` when it is imported: what is named here is
imported from its module on first use.
"""

from eμsym.binned.injection import asimov_z as asimov_z
from eμsym.binned.injection import injection_strength as injection_strength
from eμsym.binned.nsigma import NSigmaTest as NSigmaTest
from eμsym.binned.nsigma import nsigma as nsigma
from eμsym.binned.pyhf_export import pyhf_workspace as pyhf_workspace
from eμsym.binned.q0 import q0 as q0
from eμsym.binned.q0 import q0_toys as q0_toys
from eμsym.binned.q0_minuit import profile_fit as profile_fit
from eμsym.binned.q0_of_pair import Q0Test as Q0Test
from eμsym.binned.templates import Templates as Templates
from eμsym.binned.templates import signal_template as signal_template
from eμsym.binned.templates import signal_templates as signal_templates
from eμsym.binned.templates import symmetric_template as symmetric_template
from eμsym.binned.templates_io import read_templates as read_templates
from eμsym.binned.toys import expected_z as expected_z
from eμsym.binned.window_null import window_pvalue as window_pvalue
from eμsym.binned.windows import WindowTest as WindowTest
from eμsym.binned.windows import scan_windows as scan_windows
from eμsym.calibration.calibrated import Calibrated as Calibrated
from eμsym.calibration.correction_file import read_correction as read_correction
from eμsym.calibration.efficiency_ratio import EfficiencyRatio as EfficiencyRatio
from eμsym.calibration.quality import fit_quality as fit_quality
from eμsym.calibration.self_calibration import self_calibrate as self_calibrate
from eμsym.difference import Difference as Difference
from eμsym.distributions import Null as Null
from eμsym.errors import EmusymError as EmusymError
from eμsym.fake_events import subtract_fakes as subtract_fakes
from eμsym.kinematics import collinear_mass as collinear_mass
from eμsym.limits.of_pair import pair_limit as pair_limit
from eμsym.limits.upper_limit import UpperLimit as UpperLimit
from eμsym.limits.upper_limit import upper_limit as upper_limit
from eμsym.nulls import bootstrap_null as bootstrap_null
from eμsym.nulls import null as null
from eμsym.nulls import permutation_null as permutation_null
from eμsym.nulls import toy_null as toy_null
from eμsym.pair import Pair as Pair
from eμsym.pair_io import read_pair as read_pair
from eμsym.pair_io import write_pair as write_pair
from eμsym.pool import Pool as Pool
from eμsym.sample import Sample as Sample
from eμsym.scanning.scan import scan as scan
from eμsym.selection import Cuts as Cuts
from eμsym.selection import emu_leptons as emu_leptons
from eμsym.selection import emu_masks as emu_masks
from eμsym.selection import lead_and_sub as lead_and_sub
from eμsym.sources import PoolSource as PoolSource
from eμsym.sources import Relabelled as Relabelled
from eμsym.symmetry import Exchangeable as Exchangeable
from eμsym.symmetry import FairCoin as FairCoin
from eμsym.symmetry import Symmetry as Symmetry
from eμsym.testing import OnColumns as OnColumns
from eμsym.toy_model import ToyModel as ToyModel
from eμsym.unbinned.classifier import ClassifierTest as ClassifierTest
from eμsym.unbinned.cross_entropy import CrossEntropyTest as CrossEntropyTest
from eμsym.unbinned.nplm import NPLMTest as NPLMTest
from eμsym.unbinned.references import ideal_significance as ideal_significance
from eμsym.unbinned.spline import SplineScan as SplineScan
from eμsym.unbinned.spline import SplineTest as SplineTest
from eμsym.unbinned.subspace import SubspaceTest as SubspaceTest
from eμsym.unbinned.symmetrized import SymmetrizedTest as SymmetrizedTest

__version__: str
__all__: list[str]
