"""Columns by what they hold, text by hashes for trees."""

from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from skrub import DatetimeEncoder, MinHashEncoder, TableVectorizer

FAMILY = "hashes"
TASKS = ("binary", "multiclass", "regression")
TABLES = ("messy",)
RANGES = {"n_components": (5, 60, "log int")}
WITHOUT = {"text": "recognise_and_hash"}


def build_preprocessing():
    """Find dates, categories and text, text by its smallest hashes; impute."""
    text = MinHashEncoder(n_components=20)
    columns = TableVectorizer(high_cardinality=text, datetime=DatetimeEncoder(add_weekday=True), n_jobs=1)
    return make_pipeline(columns, SimpleImputer(strategy="median"))
