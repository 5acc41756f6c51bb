"""Parameters to try next: a grid, Optuna's TPE, or a step from the best; results and seed decide."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from autoresearch.parameters import Choice, Parameter, Range
from autoresearch.space import Option
from autoresearch.tried import Level

if TYPE_CHECKING:
    import numpy as np
    from optuna.distributions import BaseDistribution

__all__ = ["GRID", "Result", "grid", "near", "tpe"]

GRID = 20  # settings of a family up to which all of a grid is tried
STEPS = 3  # of a range in a grid: both ends and the middle
STARTUP = 5  # results before TPE models anything
DIGITS = 4  # significant ones of a value that is written into a train.py
FLIP = 0.2  # probability that a choice changes in a step from the best


@dataclass(frozen=True)
class Result:
    """A setting that was tried, and its score turned so that more is better; None where it failed or was pruned."""

    level: Level
    score: float | None


def grid(options: Sequence[Option]) -> list[Level]:
    """All settings of a coarse grid over the options' parameters, those nearest to the option's own values first."""
    found: list[tuple[float, Level]] = []
    for option in options:
        axes = [[(name, value) for value in _steps(parameter)] for name, parameter in sorted(option.parameters.items())]
        found.append((0.0, Level(option.name)))
        found += [(_apart(option, setting), Level(option.name, setting)) for setting in product(*axes) if setting]
    return list(dict.fromkeys(level for _, level in sorted(found, key=lambda pair: pair[0])))


def _apart(option: Option, setting: tuple[tuple[str, Any], ...]) -> float:
    """How far a setting is from the option's own values, in whole ranges."""
    total = 0.0
    for name, value in setting:
        parameter, own = option.parameters[name], option.values[name]
        if isinstance(parameter, Choice):
            total += float(value != own)
        else:
            total += abs(_share(parameter, value) - _share(parameter, own))
    return total


def _steps(parameter: Parameter) -> list[Any]:
    if isinstance(parameter, Choice):
        return list(parameter.options)
    return list(dict.fromkeys(_at(parameter, step / (STEPS - 1)) for step in range(STEPS)))


def _at(parameter: Range, share: float) -> float:
    """The value at a share of the way from low to high."""
    low, high = parameter.low, parameter.high
    value = low * (high / low) ** share if parameter.log else low + (high - low) * share
    return _held(parameter, value)


def _share(parameter: Range, value: float) -> float:
    low, high = parameter.low, parameter.high
    return math.log(value / low) / math.log(high / low) if parameter.log else (value - low) / (high - low)


def _held(parameter: Range, value: float) -> float:
    """A value as it is written: whole or rounded, and inside the range."""
    if parameter.whole:
        return min(max(round(value), math.ceil(parameter.low)), math.floor(parameter.high))
    if value:
        value = round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return min(max(value, parameter.low), parameter.high)


def tpe(options: Sequence[Option], results: Sequence[Result], seed: int) -> Level:
    """The setting that Optuna's tree-structured Parzen estimator would try next.

    The study is made anew from the results, in their order, so that nothing but them and the seed decides; a failed
    or pruned setting is told as one that is worse than all others, so that its surroundings are left.

    References
    ----------
    Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NeurIPS 24; Akiba et al. (2019), Optuna, KDD.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    named = {option.name: option for option in options}
    scores = [result.score for result in results if result.score is not None]
    worst = min(scores, default=0.0) - (max(scores) - min(scores) if scores else 0.0)
    variants = optuna.distributions.CategoricalDistribution(sorted(named))
    for result in results:
        option = named.get(result.level.variant)
        if option is None:
            continue
        values = {**option.values, **dict(result.level.params)}
        given = {f"{option.name}.{name}": _told(values[name], found) for name, found in option.parameters.items()}
        told = {f"{option.name}.{name}": _distribution(found) for name, found in option.parameters.items()}
        score = worst if result.score is None else result.score
        study.add_trial(
            optuna.trial.create_trial(
                params={"variant": option.name, **given}, distributions={"variant": variants, **told}, value=score
            )
        )
    trial = study.ask()
    option = named[trial.suggest_categorical("variant", sorted(named))]
    params = [(name, _suggested(trial, f"{option.name}.{name}", found)) for name, found in option.parameters.items()]
    return Level(option.name, tuple(sorted(params)))


def _told(value: Any, parameter: Parameter) -> Any:
    """A value as Optuna takes it, which keeps no tuples."""
    return repr(value) if isinstance(parameter, Choice) else value


def _distribution(parameter: Parameter) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(parameter, Choice):
        return CategoricalDistribution([repr(value) for value in parameter.options])
    if parameter.whole:
        return IntDistribution(math.ceil(parameter.low), math.floor(parameter.high), log=parameter.log)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def _suggested(trial: Any, name: str, parameter: Parameter) -> Any:
    if isinstance(parameter, Choice):
        said = trial.suggest_categorical(name, [repr(value) for value in parameter.options])
        return next(value for value in parameter.options if repr(value) == said)
    if parameter.whole:
        return trial.suggest_int(name, math.ceil(parameter.low), math.floor(parameter.high), log=parameter.log)
    return _held(parameter, trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log))


def near(option: Option, best: Level, width: float, rng: "np.random.Generator") -> Level:
    """A Gaussian step from the best setting of a variant, within its ranges.

    Parameters
    ----------
    width
        Standard deviation of the step, as a share of each range.
    """
    values: Mapping[str, Any] = {**option.values, **dict(best.params)}
    params = []
    for name, parameter in sorted(option.parameters.items()):
        value = values[name]
        if isinstance(parameter, Choice):
            if rng.random() < FLIP:
                value = parameter.options[int(rng.integers(len(parameter.options)))]
        else:
            share = _share(parameter, value) + width * float(rng.normal())
            value = _at(parameter, min(max(share, 0.0), 1.0))
        params.append((name, value))
    return Level(option.name, tuple(params))
