import numpy as np

from eventsim.gradcheck.report import DerivativeCheck, GradcheckReport, merge


def test_merge__takes_the_worst_and_counts_all():
    checks = [
        DerivativeCheck("tau_m", 1e-9, 3, 1, 0.5),
        DerivativeCheck("tau_m", 1e-8, 2, 0, 0.25),
    ]
    assert merge("tau_m", checks) == DerivativeCheck("tau_m", 1e-8, 5, 1, 0.5)


def test_report__weights_must_matter_and_parameters_must_be_compared():
    report = GradcheckReport(
        "sweep",
        1.0,
        (
            DerivativeCheck("seen", 1e-9, 4, 0, 1.0),
            DerivativeCheck("silent", 0.0, 4, 0, 0.0),
            DerivativeCheck("kinks", 0.0, 0, 4, 1.0),
        ),
        (
            DerivativeCheck("thresholds", 1e-7, 4, 0, 1.0),
            DerivativeCheck("refractory period", 0.0, 2, 0, 0.0),
            DerivativeCheck("tau_m", 0.0, 0, 2, 1.0),
        ),
    )
    assert report.unchecked == ("silent", "kinks", "tau_m")
    assert report.without_effect == ("refractory period",)
    assert report.worst_relative_error == 1e-7
    assert report.n_checked == 14


def test_report__weights_of_instantaneous_synapses_need_not_matter():
    layers = (
        DerivativeCheck("jumps", 0.0, 4, 0, 0.0),
        DerivativeCheck("kinks", 0.0, 0, 4, 0.0),
        DerivativeCheck("silent", 0.0, 4, 0, 0.0),
        DerivativeCheck("input times", 0.0, 4, 0, 0.0),
    )
    report = GradcheckReport("sweep", 1.0, layers, jumping=("jumps", "kinks"))
    assert report.without_effect == ("jumps",)
    assert report.unchecked == ("kinks", "silent", "input times")


def test_report__a_derivative_that_is_not_finite_is_the_worst():
    check = DerivativeCheck("currents", np.inf, 1, 0, np.inf)
    report = GradcheckReport(
        "sweep", 1.0, (DerivativeCheck("a", 0, 1, 0, 1),), (check,)
    )
    assert report.worst_relative_error == np.inf
