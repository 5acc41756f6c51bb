"""From a table or a person's script to a study that a run can begin on: drafted, prepared, committed."""

from collections.abc import Iterator
from pathlib import Path

from autoresearch import checks, face, library, pipelines
from autoresearch.choosing import Catalogue
from autoresearch.errors import StudyError
from autoresearch.files import write_whole
from autoresearch.history import History
from autoresearch.pipelines import Pipeline
from autoresearch.workspace import EDITABLE, Workspace, find_root, workspace_at

__all__ = ["best", "catalogue", "dataset", "study_of"]

STUDY = "study.toml"


def dataset(name: str) -> str:
    """A table by its name alone, as study.toml names it: a bundled one, else one of OpenML."""
    from autoresearch.sources import BUNDLED, OPENML

    return name if name in BUNDLED or name.startswith(OPENML) else f"{OPENML}{name}"


def study_of(start: Path, table: str, target: str | None, pipeline: Pipeline | None) -> Iterator[str]:
    """Draft and prepare the study of a table, put the fitting train.py there, and commit the two; says what is done.

    While a run over this very study is live it goes on, and nothing is changed.

    Raises
    ------
    StudyError
        train.py holds an edit that git does not have.
    """
    from autoresearch import data, drafts

    root = find_root(start.resolve())
    workspace = workspace_at(root)
    draft = drafts.draft(root, [table, *(["--target", target] if target else [])])
    live = checks.same_study(workspace, draft.study)
    prepared = data.prepare(root, draft.study, only=live, loaded=draft.loaded)
    if live:
        return
    if pipeline is not None and workspace.git.dirty([EDITABLE]):
        raise StudyError(f"{EDITABLE} holds an edit that git does not have; commit it, or move it away")
    yield from draft.write(workspace)
    yield from draft.reasons
    if pipeline is None:
        yield face.write_baseline(workspace, draft.study, prepared)
    else:
        own = pipeline.own(library.variants(draft.study.study.task, messy=prepared.messy))
        write_whole(workspace.train, own.source(f"baseline: {pipeline.path.name} as it is").encode())
        yield f"{EDITABLE}: now {pipeline.path.name} as the harness runs it"
    yield from (f"warning: {finding}" for finding in prepared.findings)
    if changed := workspace.git.dirty([STUDY, EDITABLE]):
        workspace.git.commit(changed, f"autoresearch: the study of {draft.study.study.name}")
        yield f"committed: {', '.join(changed)}"


def catalogue(pipeline: Pipeline, workspace: Workspace) -> Catalogue:
    """What a search over a script composes."""
    study = workspace.study()
    prepared = workspace.prepared(study)
    assert prepared
    task, messy = study.study.task, prepared.messy
    plain = next(v.name for v in library.baseline(task, messy=messy).choice if v.slot == "preprocessing")
    return pipelines.catalogue(pipeline.parts, library.variants(task, messy=messy), plain, prepared.things(study))


def best(pipeline: Pipeline, workspace: Workspace, history: History) -> Path | None:
    """Write the best composition back beside the script; None where nothing beat the script itself."""
    kept = {found.n: found for found in workspace.digests().tried() if found.kept}
    found = kept.get(history.incumbent.n)
    if not found or not found.n:
        return None
    made = catalogue(pipeline, workspace).compose(found.choice, found.params)
    return pipeline.write_best(made) if made else None
