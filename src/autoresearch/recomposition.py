"""Compositions of a person's script and the library: their own code is the first variant of each slot."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources

from autoresearch.decompose import Decomposed
from autoresearch.library import SLOTS, WIDTH, Composition, Variant, literal, merged
from autoresearch.script import Import, Piece, renamed
from autoresearch.steps import Step
from autoresearch.syntax import parsed

__all__ = ["OWN", "PLAIN", "Recomposition", "own_composition", "slots"]

OWN = "own"
"""Name of the variant that is a person's own code."""
PLAIN = "as_is"
"""Name of the library's features that are the columns as they are."""
TEMPLATE = "recomposition.py.txt"
CONTRACT = ("feature_fn", "build_pipeline", "HYPOTHESIS")
FUTURE = "__future__"


@dataclass(frozen=True)
class Recomposition(Composition):
    """One variant for every slot, a person's own code among them.

    Parameters
    ----------
    parts
        The script that the own variants are from.
    """

    parts: Decomposed = field(compare=False, repr=False)

    @property
    def own(self) -> tuple[bool, bool, bool]:
        """Of features, preprocessing and model: whether it is the person's own code."""
        features, preprocessing, model = (variant.name == OWN for variant in self.choice)
        return features, preprocessing, model

    def source(self, hypothesis: str) -> str:
        """The train.py: what the own code stands on as it was written, then the library's, then the contract."""
        steps, blocks, imports = list[str](), list[str](), list[Import]()
        wanted, own = list[str](), self._own_steps()
        for slot, variant in zip(SLOTS, self.choice, strict=True):
            if variant.name == OWN:
                wanted += [name for step in own[slot] for name in _names(step.arguments)]
                block, needed, step = self._own(slot)
            else:
                block, needed = variant.code, variant.imports
                step = "" if slot == "features" else f"{SLOTS[slot]}()"
            blocks += [block] if block else []
            imports += needed
            steps += [step] if step else []
        pieces = self.parts.script.needed(wanted)
        imports += self.parts.script.imports({*wanted, *(name for p in pieces for name in p.uses)}) if wanted else ()
        text = _joined(pieces)
        for name in _clashes(pieces, blocks):
            text, blocks = renamed(text, name, f"own_{name}"), [_calls(block, name) for block in blocks]
            steps = [re.sub(rf"\b{name}\(", f"own_{name}(", step) for step in steps]
        if len(steps) > 1:
            imports.append(ast.ImportFrom("sklearn.pipeline", [ast.alias("make_pipeline")], 0))
        return _filled(
            self.parts.script.name, imports, hypothesis, [text, *blocks] if text else blocks, _pipeline(steps)
        )

    def _own_steps(self) -> dict[str, tuple[Step, ...]]:
        parts = self.parts
        preprocessing = () if parts.preprocessing is None else (parts.preprocessing,)
        return {"features": parts.features, "preprocessing": preprocessing, "model": (parts.model,)}

    def _own(self, slot: str) -> tuple[str, tuple[Import, ...], str]:
        """Text and imports that join the person's code of a slot to the contract, and the step that it is."""
        parts = self.parts
        if slot == "features":
            if not parts.features:
                return *_adapter("feature_fn", {"script_features(X)": "X"}), ""
            call = features_call(parts, "X")
            if parts.fitted_because:
                together = "pd.concat([self.rows_, X], ignore_index=True)"
                calls = {f"script_features({inner})": features_call(parts, inner) for inner in ("X.copy()", together)}
                return *_adapter("fitted_features", calls), "ScriptFeatures()"
            return *_adapter("feature_fn", {"script_features(X)": call}), ""
        if slot == "preprocessing":
            return "", (), parts.preprocessing.arguments if parts.preprocessing else ""
        if not parts.model.takes:
            return "", (), parts.model.arguments
        call = parts.model.arguments if parts.model.gives_fitted else f"{parts.model.arguments}.fit(X, y)"
        return *_adapter("fitted_model", {"script_model(X, y)": call}), "ScriptModel()"


def slots(parts: Decomposed, offered: Mapping[str, tuple[Variant, ...]]) -> dict[str, tuple[Variant, ...]]:
    """Slot to its variants: the person's own code first, then what the library offers.

    Parameters
    ----------
    offered
        The library's variants for the task, as `library.variants` gives them.
    """
    plain = next(variant for variant in offered["features"] if variant.name == PLAIN)
    name = parts.script.name
    said = {
        "features": ", ".join(step.function for step in parts.features) or "columns as they are, as",
        "preprocessing": parts.preprocessing.function if parts.preprocessing else "within the model, as",
        "model": parts.model.function,
    }
    own = {
        slot: replace(
            plain,
            slot=slot,
            name=OWN,
            title=f"{said[slot]} in {name}",
            family=OWN,
            imports=(),
            code=_own_text(parts, slot),
        )
        for slot in SLOTS
    }
    same = () if parts.features else (plain.name,)
    return {
        slot: (own[slot], *(v for v in offered[slot] if slot != "features" or v.name not in same)) for slot in SLOTS
    }


def own_composition(parts: Decomposed, offered: Mapping[str, tuple[Variant, ...]]) -> Recomposition:
    """The person's own pipeline: what a run over it starts from."""
    return Recomposition(tuple(every[0] for every in slots(parts, offered).values()), parts)


def features_call(parts: Decomposed, inner: str) -> str:
    """The call of all feature functions, one within the other, on `inner`."""
    for step in parts.features:
        before, after = re.split(r"\bX\b", step.arguments, maxsplit=1)
        inner = f"{before}{inner}{after}"
    return inner


def _own_text(parts: Decomposed, slot: str) -> str:
    steps = {"features": parts.features, "preprocessing": (parts.preprocessing,), "model": (parts.model,)}[slot]
    names = {step.function for step in steps if step}
    return "\n\n\n".join(
        piece.text for piece in parts.script.pieces if piece.kind == "function" and piece.names & names
    )


def _names(expression: str) -> list[str]:
    return [node.id for node in ast.walk(parsed(expression)) if isinstance(node, ast.Name)]


def _joined(pieces: tuple[Piece, ...]) -> str:
    """Pieces as they were written: two empty lines around functions and classes, none between other lines."""
    text = ""
    for before, piece in zip((None, *pieces), pieces, strict=False):
        big = piece.kind in ("function", "class") or (before and before.kind in ("function", "class"))
        text += ("\n\n\n" if big else "\n") * (before is not None) + piece.text
    return text


def _clashes(pieces: tuple[Piece, ...], blocks: list[str]) -> list[str]:
    """Names of the person's that the contract or the library's code needs."""
    ours = {node.name for b in blocks for node in parsed(b).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return sorted({name for piece in pieces for name in piece.names} & (ours | set(CONTRACT)))


def _calls(block: str, name: str) -> str:
    """`block` with its calls of the person's function `name` changed, its own definition of that name left alone."""
    return re.sub(rf"(?<!def )(?<!class )\b{name}\(", f"own_{name}(", block)


@cache
def _read_adapter(name: str) -> tuple[str, tuple[Import, ...]]:
    text = resources.files("autoresearch").joinpath("adapters", f"{name}.py").read_text(encoding="utf-8")
    body = parsed(text).body
    first = next(i for i, node in enumerate(body) if isinstance(node, ast.FunctionDef | ast.ClassDef))
    code = "\n".join(text.splitlines()[body[first].lineno - 1 :])
    return code, tuple(node for node in body if isinstance(node, ast.Import | ast.ImportFrom))


def _adapter(name: str, calls: Mapping[str, str]) -> tuple[str, tuple[Import, ...]]:
    code, imports = _read_adapter(name)
    for placeholder, call in calls.items():
        code = code.replace(placeholder, call)
    return code, imports


def _pipeline(steps: list[str]) -> str:
    if len(steps) == 1:
        return steps[0]
    line = f"make_pipeline({', '.join(steps)})"
    if len(line) + len("    return ") <= WIDTH:
        return line
    return "make_pipeline(\n" + "".join(f"        {step},\n" for step in steps) + "    )"


def _filled(script: str, imports: list[Import], hypothesis: str, blocks: list[str], pipeline: str) -> str:
    froms = [node for node in imports if isinstance(node, ast.ImportFrom)]
    stars = [node for node in froms if node.names[0].name == "*"]
    future = [node for node in froms if node.module == FUTURE]
    parts = [merged([node]) for node in future] + [merged([n for n in imports if n not in future and n not in stars])]
    parts += [merged([node]) for node in stars]
    template = resources.files("autoresearch").joinpath(TEMPLATE).read_text(encoding="utf-8")
    filled = template.replace("{script}", script).replace("{imports}", "\n\n".join(filter(None, parts)))
    head, tail = filled.split("{body}")
    head = head.replace("{hypothesis}", literal(hypothesis))
    return head + "\n\n\n".join(blocks) + tail.replace("{pipeline}", pipeline)
