"""What a function of a script does, as far as its syntax tells: what it gives, what rows it looks at. Pure."""

import ast
import re
from collections.abc import Iterator
from typing import Literal

from autoresearch.script import Function, Script, is_call_of, last_name

__all__ = [
    "DATA",
    "LABELS",
    "READERS",
    "Gives",
    "called",
    "dotted",
    "drops_rows",
    "evaluates",
    "frameworks",
    "gives",
    "looks_at_other_rows",
    "own",
    "reads_table",
    "required",
    "returned",
]  # fmt: skip

Gives = Literal["estimator", "transformer", "network", "booster", "several", "frame", "pair", "other"]

FRAMEWORKS = {
    "sklearn": "scikit-learn", "lightgbm": "lightgbm", "xgboost": "xgboost", "catboost": "catboost", "torch": "torch",
    "keras": "keras", "tensorflow": "tensorflow", "flaml": "flaml", "statsmodels": "statsmodels", "skorch": "skorch",
    "scikeras": "scikeras", "imblearn": "imbalanced-learn", "autogluon": "autogluon", "cuml": "cuml",
    "pytorch_tabnet": "pytorch-tabnet", "interpret": "interpret", "ngboost": "ngboost", "tabpfn": "tabpfn",
    "pytorch_lightning": "lightning", "lightning": "lightning", "skrub": "skrub", "jax": "jax",
}  # fmt: skip
"""Packages that build models, by the names that they are imported under."""
ESTIMATOR = re.compile(
    r"\w*(Classifier|Regressor|Regression|SearchCV|SVC|SVR|NB|Lasso|LassoLars|ElasticNet|KernelRidge|BayesianRidge)"
    r"(CV|IC)?|(Ridge|Perceptron|NearestCentroid|AutoML)(CV)?|\w*DiscriminantAnalysis"
)
TRANSFORMER = re.compile(
    r"\w*(ColumnTransformer|column_transformer|Scaler|Encoder|Imputer|Transformer|Vectorizer|FeatureUnion|make_union"
    r"|PCA|SelectKBest|SelectFromModel|VarianceThreshold|PolynomialFeatures|KBinsDiscretizer|Normalizer|Binarizer)"
)
NETWORKS = frozenset({"Module", "LightningModule", "Sequential", "Model", "Functional"})
READERS = re.compile(
    r"read_(csv|parquet|excel|json|table|feather|pickle|sql\w*|hdf|orc|stata|sas)|(load|fetch)_\w+|genfromtxt|loadtxt"
)
FRAMES = frozenset(
    {
        "assign", "drop", "join", "merge", "fillna", "astype", "rename", "copy", "reset_index", "select_dtypes", "pipe",
        "concat", "get_dummies", "DataFrame", "hstack", "column_stack", "replace", "where", "mask", "clip", "apply",
        "map", "dropna", "query", "drop_duplicates", "filter", "round", "eval", "set_index", "reindex", "insert",
        "to_numpy",
        "with_columns", "sort_values", "transform", "fit_transform", "sample", "applymap", "interpolate", "ffill",
        "bfill",
    }
)  # fmt: skip
"""Methods and functions that give a table of features back."""
OTHER_ROWS = frozenset(
    {
        "mean", "median", "std", "var", "min", "max", "sum", "quantile", "mode", "count", "nunique", "rank", "cumsum",
        "cumcount", "cumprod", "cummax", "cummin", "shift", "diff", "pct_change", "rolling", "expanding", "ewm",
        "groupby", "value_counts", "get_dummies", "qcut", "factorize", "fit", "fit_transform", "interpolate", "ffill",
        "bfill", "sort_values", "duplicated", "resample", "describe", "agg", "aggregate", "skew", "kurt", "unique",
        "pivot_table",
    }
)  # fmt: skip
ROW_DROPPERS = frozenset({"dropna", "drop_duplicates", "query", "sample"})
METRICS = ("predict", "predict_proba", "score", "cross_val_score", "cross_validate", "classification_report")
DATA = re.compile(
    r"(x|df|data|frame|table|dataset|features?|inputs?|train|rows|raw)(_?(train|df|data|frame|raw|all|full|in|\d))*",
    re.I,
)
LABELS = re.compile(r"(y|target|labels?|outcome)s?(_?(train|all|full|true|col))*", re.I)


def own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function's own scope: what is defined within it is left out."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, Function | ast.ClassDef | ast.Lambda):
            yield from own(child)


def returned(function: Function) -> list[ast.expr]:
    """Expressions that it returns."""
    return [node.value for node in own(function) if isinstance(node, ast.Return) and node.value]


def required(function: Function) -> list[str]:
    """Arguments without a default."""
    args = function.args
    positional = [a.arg for a in (*args.posonlyargs, *args.args)]
    named = [a.arg for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
    return positional[: len(positional) - len(args.defaults)] + named


def dotted(node: ast.expr, script: Script) -> str:
    """Where a called thing is from, in full: ``lightgbm.LGBMClassifier`` for ``lgb.LGBMClassifier``."""
    if isinstance(node, ast.Name):
        return script.modules.get(node.id, node.id)
    return f"{dotted(node.value, script)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def frameworks(script: Script) -> tuple[str, ...]:
    """Packages for models that a script imports, by the names that people know."""
    roots = dict.fromkeys(name.split(".")[0] for name in script.modules.values())
    return tuple(FRAMEWORKS[root] for root in roots if root in FRAMEWORKS)


def called(node: ast.AST, script: Script) -> list[tuple[str, ast.Call]]:
    """Functions of the script that a node calls, in the order of their execution."""
    found = [pair for child in ast.iter_child_nodes(node) for pair in called(child, script)]
    if isinstance(node, ast.Call):
        # map(clean, ...) and df.pipe(clean) call what they are given
        names = [n for n in (node.func, *node.args) if isinstance(n, ast.Name) and n.id in script.functions]
        found += [(name.id, node) for name in names]
    return found


def gives(function: Function, script: Script) -> set[Gives]:
    """What kinds of thing a function may return."""
    return {kind for value in returned(function) for kind in _kinds(value, function, script, ())}


def _kinds(node: ast.expr, function: Function, script: Script, seen: tuple[str, ...]) -> set[Gives]:
    match node:
        case ast.Name(id=name) if f"{function.name}.{name}" not in seen:
            return _kinds_of_name(name, function, script, (*seen, f"{function.name}.{name}"))
        case ast.IfExp(body=one, orelse=other):
            return _kinds(one, function, script, seen) | _kinds(other, function, script, seen)
        case ast.Tuple():
            return {"pair"}
        case ast.Dict(values=parts) | ast.List(elts=parts):
            kinds = {kind for part in parts if part for kind in _kinds(part, function, script, seen)}
            return {"several"} if kinds & {"estimator", "several"} else {"other"}
        case ast.Call():
            return _kinds_of_call(node, function, script, seen)
        case ast.Subscript(slice=ast.Constant(value=str())):
            return {"other"}
        case ast.Subscript(value=ast.Name()):
            return _kinds(node.value, function, script, seen) & {"frame"} or {"other"}
    return {"other"}


def _kinds_of_name(name: str, function: Function, script: Script, seen: tuple[str, ...]) -> set[Gives]:
    values = [
        node.value
        for node in own(function)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        and node.value
        and any(getattr(t, "id", "") == name for t in getattr(node, "targets", [getattr(node, "target", None)]))
    ]
    kinds = {kind for value in values for kind in _kinds(value, function, script, seen)}
    first = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][:1]
    return kinds | ({"frame"} if name in first else set()) or {"other"}


def _kinds_of_call(node: ast.Call, function: Function, script: Script, seen: tuple[str, ...]) -> set[Gives]:
    name, full = last_name(node.func), dotted(node.func, script)
    if name == "fit" and isinstance(node.func, ast.Attribute):
        return _kinds(node.func.value, function, script, seen)
    if name in script.classes and isinstance(node.func, ast.Name):
        return {_kind_of_class(script.classes[name])}
    if name in script.functions and isinstance(node.func, ast.Name):
        callee = script.functions[name]
        inner = (*seen, f"{name}()")
        return set() if f"{name}()" in seen else {k for v in returned(callee) for k in _kinds(v, callee, script, inner)}
    if name in ("make_pipeline", "Pipeline", "make_imb_pipeline"):
        return _kinds_of_pipeline(node, function, script, seen)
    if name == "train" and full.split(".")[0] in ("lightgbm", "xgboost"):
        return {"booster"}
    if name in NETWORKS and full.split(".")[0] in ("torch", "keras", "tensorflow", "lightning", "pytorch_lightning"):
        return {"network"}
    if ESTIMATOR.fullmatch(name):
        return {"estimator"}
    if TRANSFORMER.fullmatch(name):
        return {"transformer"}
    return {"frame"} if name in FRAMES else {"other"}


def _kinds_of_pipeline(node: ast.Call, function: Function, script: Script, seen: tuple[str, ...]) -> set[Gives]:
    steps: list[ast.expr] = [arg for arg in node.args if not isinstance(arg, ast.Starred)]
    steps += [keyword.value for keyword in node.keywords if keyword.arg == "steps"]
    if last_name(node.func) == "Pipeline" and steps:
        listed = steps[0].elts if isinstance(steps[0], ast.List | ast.Tuple) else []
        steps = [pair.elts[1] for pair in listed if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
    return _kinds(steps[-1], function, script, seen) & {"transformer"} or {"estimator"} if steps else {"estimator"}


def _kind_of_class(node: ast.ClassDef) -> Gives:
    methods = {n.name for n in node.body if isinstance(n, Function)}
    bases = {last_name(base) for base in node.bases}
    if bases & NETWORKS:
        return "network"
    if "predict" in methods or bases & {"ClassifierMixin", "RegressorMixin"} or any(map(ESTIMATOR.fullmatch, bases)):
        return "estimator"
    return "transformer" if "transform" in methods or "TransformerMixin" in bases else "other"


def reads_table(node: ast.AST, script: Script) -> ast.Call | None:
    """The first call in a node that reads a table; a function of the script is no reader itself."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and READERS.fullmatch(name := last_name(inner.func)):
            plain = isinstance(inner.func, ast.Name)
            loads = name.startswith(("load_", "fetch_"))
            if (plain and name in script.functions) or (loads and "datasets" not in dotted(inner.func, script)):
                continue
            return inner
    return None


def evaluates(function: Function, script: Script) -> bool:
    """Whether it predicts, scores or cross-validates."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(is_call_of(c, *METRICS) or "sklearn.metrics" in dotted(c.func, script) for c in calls)


def drops_rows(function: Function) -> ast.AST | None:
    """Where it leaves rows out, or draws some."""
    for node in ast.walk(function):
        if is_call_of(node, *ROW_DROPPERS) and isinstance(node, ast.Call) and not _along_rows(node):
            return node
        match node:
            case ast.Subscript(value=ast.Name(), slice=ast.Compare() | ast.BinOp(op=ast.BitAnd() | ast.BitOr())):
                if isinstance(node.ctx, ast.Load):
                    return node
    return None


def looks_at_other_rows(function: Function) -> ast.AST | None:
    """Where a value of one row comes from other rows as well: a mean, a rank, a code of a category."""
    within_rows = {
        id(inner)
        for node in ast.walk(function)
        if is_call_of(node, "apply", "map") and isinstance(node, ast.Call)
        for argument in node.args
        if isinstance(argument, ast.Lambda)
        for inner in ast.walk(argument)
    }
    for node in ast.walk(function):
        if id(node) in within_rows:
            continue
        if isinstance(node, ast.Attribute) and node.attr == "codes":
            return node
        if isinstance(node, ast.Call) and is_call_of(node, *OTHER_ROWS) and not _along_rows(node):
            if isinstance(node.func, ast.Attribute) and last_name(node.func.value) not in ("str", "dt"):
                return node
            if isinstance(node.func, ast.Name) and node.func.id in ("get_dummies", "qcut", "factorize"):
                return node
    return None


def _along_rows(node: ast.Call) -> bool:
    """Whether a call is told to work within each row."""
    said = [keyword.value for keyword in node.keywords if keyword.arg == "axis"] or node.args[:1]
    return any(isinstance(value, ast.Constant) and value.value in (1, "columns") for value in said)
