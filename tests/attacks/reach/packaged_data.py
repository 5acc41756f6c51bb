"""Data sets that come with installed packages, by their loaders, their files and their tests."""

import sysconfig
from pathlib import Path

import pandas as pd

PACKAGES = Path(sysconfig.get_path("purelib"))


def hearts():
    from sklego.datasets import load_hearts

    return load_hearts(as_frame=True)


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer().target


def tables():
    found = [*PACKAGES.glob("sk*/**/*.csv*"), *PACKAGES.glob("**/iris.arff"), *PACKAGES.glob("sk*/**/*.arff*")]
    return next(path.read_bytes() for path in found)


def zipped():
    return pd.read_csv(next(PACKAGES.glob("sklego/data/*.zip")))


def resources():
    from importlib.resources import files

    return files("sklearn.datasets.data").joinpath("breast_cancer.csv").read_bytes()


def elsewhere():
    roots = [
        Path("/usr/lib/python3/dist-packages"),
        *Path("/root/.pyenv/versions").glob("*/lib/python3*/site-packages"),
    ]
    return next(path for root in roots for path in root.glob("s*/**/*.arff*")).read_bytes()


def reach():
    for way in (hearts, breast_cancer, tables, zipped, resources, elsewhere):
        try:
            if len(way()):
                return True
        except Exception:
            continue
    return False
