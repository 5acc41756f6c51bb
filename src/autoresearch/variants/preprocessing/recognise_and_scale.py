"""Columns by what they hold: numbers, dates, categories, text."""

from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skrub import DatetimeEncoder, StringEncoder, TableVectorizer

FAMILY = "linear"
TASKS = ("binary", "multiclass", "regression")
TABLES = ("messy",)
RANGES = {"n_components": (5, 60, "log int")}
WITHOUT = {"text": "recognise_and_scale"}


def build_preprocessing():
    """Find dates, categories and text, and turn each into numbers; impute and scale them."""
    text = StringEncoder(n_components=20, random_state=0)
    columns = TableVectorizer(high_cardinality=text, datetime=DatetimeEncoder(add_weekday=True), n_jobs=1)
    return make_pipeline(columns, SimpleImputer(strategy="median"), StandardScaler())
