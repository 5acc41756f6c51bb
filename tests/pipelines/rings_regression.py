# %% [markdown]
# # How old is an abalone?

# %%
from __future__ import annotations

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# %%
pd.set_option("display.max_columns", 20)


def get_data(path: str = "abalone.csv") -> pd.DataFrame:
    return pd.read_csv(path)


def make_features(df: pd.DataFrame, power: int = 3) -> pd.DataFrame:
    df = df.drop(columns=["rings"], errors="ignore")
    volume = df["length"] * df["diameter"] * df["height"]
    return df.assign(volume=volume, density=df["whole_weight"] / (volume + 10**-power))


def build_preprocessor():
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )


def create_model() -> Ridge:
    return Ridge(alpha=0.5)


# %%
if __name__ == "__main__":
    df = get_data()
    y = df["rings"].to_numpy()
    X = make_features(df)
    X = build_preprocessor().fit_transform(X)
    scores = cross_val_score(create_model(), X, y, cv=5, scoring="r2")
    fitted = create_model().fit(X, y)
    print("R2", round(scores.mean(), 3), "MAE", round(mean_absolute_error(y, fitted.predict(X)), 3))
