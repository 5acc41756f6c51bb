"""The part of a study's face that follows from its table: the train.py that a run starts from."""

from autoresearch.files import write_whole
from autoresearch.library import baseline, recognised
from autoresearch.prepared import Prepared
from autoresearch.source import same_text
from autoresearch.study import Study
from autoresearch.workspace import EDITABLE, Workspace

__all__ = ["baseline_source", "write_baseline"]


def baseline_source(study: Study, prepared: Prepared) -> str:
    """The text of the baseline that fits a prepared study."""
    found = baseline(study.study.task, messy=prepared.messy)
    model = found.choice[-1].title
    return found.source(f"baseline: scaled {model[0].lower()}{model[1:]}")


def write_baseline(workspace: Workspace, study: Study, prepared: Prepared) -> str:
    """Put the baseline that fits a prepared study into train.py, unless work of a person's would be lost.

    A version that git has, or that the library can compose again, is no such work. While a run is live train.py is
    the run's.

    Returns
    -------
    str
        What was done, in one line.
    """
    wanted = baseline_source(study, prepared)
    kind = f"a {study.study.task} task" + (" with dates, text or many categories" if prepared.messy else "")
    run = workspace.run
    if run is not None and run.ended is None:
        return f"{EDITABLE}: left as it is, run {run.tag!r} is live"
    try:
        text = workspace.train.read_bytes().decode("utf-8")
    except FileNotFoundError:
        text = None
    except UnicodeDecodeError:
        return f"{EDITABLE}: left as it is: it is no UTF-8 text"
    if text is not None and same_text(text, wanted):
        return f"{EDITABLE}: the baseline for {kind} already"
    uncommitted = bool(workspace.git.dirty([EDITABLE]))
    if text is not None and uncommitted and recognised(text) is None:
        return (
            f"{EDITABLE}: left as it is, it holds an edit that git does not have; commit it, or move it away, and "
            f"prepare again to get the baseline for {kind}"
        )
    write_whole(workspace.train, wanted.encode())
    back = "" if text is None or uncommitted else f"; the version before: git restore {EDITABLE}"
    return f"{EDITABLE}: now the baseline for {kind}{back}"
