"""The night: the coding client at work unattended, attempt after attempt, until a budget or the run ends."""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autoresearch import checks, lines, report
from autoresearch.attempts import Attempt, Ending, Limits, Move, Standing, classify, decide, spent
from autoresearch.client import Client, prompt
from autoresearch.errors import GitError, RunOverError
from autoresearch.history import History
from autoresearch.hooks import state
from autoresearch.hooks.events import Watch
from autoresearch.loop import Loop

__all__ = ["Limits", "Night"]

POLL = 2.0  # seconds between two looks at the ledger while the client works
NAP = 60.0  # seconds between two looks at the run while a back-off is waited out
LAST_WORDS = 300.0  # seconds that the client has for its summary once the run has ended


@dataclass
class Night:
    """One night's work on a run.

    Its conversation is noted as the one that runs the loop, so that the Stop hook keeps it going as in a terminal.

    Parameters
    ----------
    executable
        The client.
    say
        Called with each line for the person who reads along.
    clock, sleep
        Seconds since the epoch, and waiting for some.
    poll
        Seconds between two looks at the ledger.
    """

    loop: Loop
    executable: str
    limits: Limits
    say: Callable[[str], None]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    poll: float = POLL
    _tag: str = field(default="", init=False)
    _before: int = field(default=0, init=False)
    _deadline: float = field(default=0.0, init=False)
    _costs: dict[str, float] = field(default_factory=dict, init=False)
    _barren: Counter[Ending] = field(default_factory=Counter, init=False)

    def run(self, tag: str) -> Move:
        """Work until the night is over, then write the report; gives why it ended.

        Raises
        ------
        AutoresearchError
            The run cannot be gone on with; nothing was started.
        """
        history = self._begin(tag)
        budget = history.run.study.budget
        self._tag, self._before = tag, len(history.iterations)
        own = history.run.resumed + budget.hours * 3600
        self._deadline = min(own, self.clock() + (self.limits.hours or budget.hours) * 3600)
        self.say(f"night: run {tag!r} until {self._time(self._deadline)} at the latest; the branch is the client's now")
        try:
            end = self._work()
        finally:
            self._note(Watch("", released=True))  # whoever opens the conversation in the morning may leave it
            self._morning()
        self.say(f"the night is over: {end.why}")
        return end

    def _begin(self, tag: str) -> History:
        """The run under `tag`, started if there is none yet, live and checked out."""
        w = self.loop.workspace
        if w.ledger.find_run(tag) is None:
            outcome = self.loop.start(tag)
            for line in (lines.iteration(outcome.history, outcome.history.baseline), *outcome.notes):
                self.say(line)
        elif w.tag != tag:
            raise GitError(f"run {tag!r} is not the one checked out here; go there: git switch autoresearch/{tag}")
        history = self.loop.repair().history
        if history.run.ended is not None:
            raise RunOverError(
                f"run {tag!r} has ended: {history.run.ended}; a person goes on with it by `autoresearch resume`"
            )
        return history

    def _work(self) -> Move:
        """Attempt after attempt; the first move that stops."""
        session, again, number = str(uuid.uuid4()), False, 0
        while True:
            number += 1
            made = len(self._history().iterations)
            attempt = self._attempt(number, session, again=again)
            if attempt.cost is not None:
                self._costs[session] = attempt.cost
            progress = len(self._history().iterations) - made
            if progress:
                self._barren.clear()
            else:
                self._barren[attempt.ending] += 1
            move = decide(attempt, self.limits, self._standing())
            self.say(f"attempt {number}: {progress} trials, {self._usd():.2f} USD so far; {move.why}")
            if move.stop:
                return move
            self._rest(move.wait)
            if over := spent(self.limits, self._standing()):
                return Move(over, stop=True)
            again = not move.fresh
            session = session if again else str(uuid.uuid4())

    def _attempt(self, number: int, session: str, *, again: bool) -> Attempt:
        """Let the client work until it ends, or until the night or the run does."""
        folder = self._folder / "night"
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{datetime.fromtimestamp(self.clock()):%m%d-%H%M%S}-{number}"
        out, err = folder / f"{stem}.jsonl", folder / f"{stem}.err"
        left = None if self.limits.usd is None else max(self.limits.usd - self._usd(), 0.01)
        text = prompt(self._tag, again=again)
        command = Client.command(self.executable, text, session, again=again, usd=left)
        over_since: float | None = None
        self._note(Watch(session))
        with Client.at_work(command, self.loop.workspace.root, out, err) as client:
            while not client.wait(self.poll):
                at = self._standing()
                if spent(self.limits, at) is None:
                    continue
                over_since = over_since or at.now
                if at.ended is None or at.now - over_since > LAST_WORDS:
                    break
        code = client.end()
        now = datetime.fromtimestamp(self.clock()).astimezone()
        return classify(code, _text(out), _text(err), now)

    def _standing(self) -> Standing:
        history, now = self._history(), self.clock()
        ended = history.run.ended or checks.ending(history, now)
        made = len(history.iterations) - self._before
        crashed = min(made, history.failures_in_a_row())
        return Standing(now, self._deadline, made, self._usd(), ended, self._barren, crashed)

    def _note(self, watch: Watch) -> None:
        """Tell the hooks who runs the loop."""
        state.remember(str(self.loop.workspace.ledger.folder), self._tag, watch)

    def _rest(self, seconds: float) -> None:
        """Wait, unless somebody ends the run meanwhile."""
        if seconds:
            self.say(f"waits until {self._time(self.clock() + seconds)}")
        while seconds > 0 and self._history().run.ended is None:
            self.sleep(min(seconds, NAP))
            seconds -= NAP

    def _morning(self) -> None:
        """Settle what is left, write the report, and say the gain in the only words that may be used for it."""
        patience = self._history().run.study.budget.trial_seconds + NAP
        history = self.loop.repair(patience).history
        path = report.write(history, self._folder)
        made = len(history.iterations) - self._before
        self.say(f"{made} trials in {len(self._costs)} conversations, {self._usd():.2f} USD as the client tells it")
        if checks.unmeasured(self.loop.workspace, history):
            self.say("train.py holds an edit that no trial has: measure it with `autoresearch step`, or take it back")
        self.say(lines.best(history))
        self.say(f"gain: {lines.claim(history)}")
        self.say(f"report: {path}")

    def _history(self) -> History:
        return self.loop.workspace.history(self._tag)

    @property
    def _folder(self) -> Path:
        return self.loop.workspace.run_folder(self._tag)

    def _usd(self) -> float:
        """What the night has cost: a conversation tells its total, over all its attempts."""
        return sum(self._costs.values())

    @staticmethod
    def _time(moment: float) -> str:
        return f"{datetime.fromtimestamp(moment):%a %H:%M}"


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
