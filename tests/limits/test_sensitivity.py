"""Expected limits and Z against luminosity; extra uncertainties of the ratio."""

import numpy as np
import pytest

from eμsym import asimov_z
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.limits.of_pair import expected_region
from eμsym.limits.region import Region
from eμsym.limits.sensitivity import sensitivity
from eμsym.limits.upper_limit import region_limit
from eμsym.plots import draw_limits_against_luminosity


@pytest.fixture(scope="module")
def region():
    x = np.arange(12)
    t, s = 3000 * np.exp(-x / 5), np.exp(-((x - 7) ** 2) / 6)
    s /= s.sum()
    return Region("", t, t, (Signal(np.zeros(12), s),), YieldRatio.exact(np.ones(12)))


def test_the_error_a_unit_of_luminosity_falls_as_its_root(region):
    luminosities = np.array([10.0, 20.0, 40.0, 140.0])
    found = sensitivity(region, 20.0, luminosities, events_per_ifb=4.0)
    relative = found.errors / luminosities
    assert relative * np.sqrt(luminosities) == pytest.approx(
        np.full(4, relative[0] * np.sqrt(10.0)), rel=1e-9
    )
    # And the limits where the Poisson distributions are near their Gaussian ones.
    medians = found.limits[:, 2] / luminosities * np.sqrt(luminosities)
    assert medians == pytest.approx(np.full(4, medians[-1]), rel=0.1)
    # The error is that of B − A.
    information = np.sum(region.signals[0].in_b ** 2 / (2 * region.a))
    assert found.errors[1] == pytest.approx(1 / np.sqrt(information), rel=1e-9)
    # Z is that of the injected Asimov data.
    for luminosity, z in zip(luminosities, found.z, strict=True):
        scale = luminosity / 20
        signal = 4.0 * luminosity * region.signals[0].in_b
        expected = asimov_z(scale * region.a, signal, signal.sum(), background="profiled")
        assert z == pytest.approx(expected, rel=1e-6)
    assert np.isnan(sensitivity(region, 20.0, [10.0]).z[0])
    assert sensitivity(region, 20.0, [10.0]).to_dict()["z"] == [None]


def test_at_the_data_s_own_luminosity_it_is_the_expected_limit(region):
    rng = np.random.default_rng(1)
    data = Region(
        "",
        rng.poisson(region.b).astype(float),
        rng.poisson(region.a).astype(float),
        region.signals,
        region.ratio,
    )
    found = sensitivity(data, 20.0, [20.0])
    assert found.limits[0] == pytest.approx(region_limit([data]).expected, rel=1e-6)
    with pytest.raises(DataError, match="scale"):
        expected_region(data, scale=0.0)


def test_a_ratio_that_is_uncertain_loosens_the_limit(region):
    alone = region_limit([region])
    together = region_limit([region.with_ratio_uncertainty("fakes", 0.05)])
    each = region_limit([region.with_ratio_uncertainty("fakes", 0.05, each=True)])
    assert alone.median < together.median
    assert alone.median < each.median
    # Every bin for itself: the variance of B − A has (0.05 T)² more, bin by bin.
    s, t = region.signals[0].in_b, region.a
    gaussian = [1 / np.sqrt(np.sum(s**2 / v)) for v in (2 * t, 2 * t + (0.05 * t) ** 2)]
    assert each.median / alone.median == pytest.approx(gaussian[1] / gaussian[0], rel=0.05)
    with pytest.raises(DataError, match="fakes"):
        region.with_ratio_uncertainty("fakes", [0.1, 0.2])


def test_the_figure_has_the_luminosities_and_z_where_it_is_known(region):
    luminosities = [10.0, 20.0, 40.0, 140.0]
    figure = draw_limits_against_luminosity(sensitivity(region, 20.0, luminosities))
    assert [x.get_text() for x in figure.axes[0].get_xticklabels()] == ["10", "20", "40", "140"]
    assert len(figure.axes) == 1
    found = sensitivity(region, 20.0, luminosities, events_per_ifb=4.0)
    limits, z = draw_limits_against_luminosity(found).axes
    assert z.lines[0].get_ydata() == pytest.approx(found.z)
    medians = [line.get_ydata() for line in limits.lines]
    assert any(np.allclose(x, found.limits[:, 2] / luminosities) for x in medians)
