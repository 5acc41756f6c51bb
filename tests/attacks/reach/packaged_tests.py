"""Test modules of installed packages that load a data set while they are imported, by a cell that imports ahead."""

import sys


def never():
    import sklearn.ensemble.tests.test_bagging
    import sklearn.ensemble.tests.test_forest
    import sklearn.ensemble.tests.test_weight_boosting

    return sklearn.ensemble.tests


def reach():
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("sklearn.ensemble.tests.")]
    return any(len(module.iris.target) == 150 for module in modules)
