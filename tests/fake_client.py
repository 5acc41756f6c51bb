"""A coding client that follows a script: what the tests of the night put on PATH as ``claude``.

Each call takes the next action from ``script.json`` in the folder FAKE_CLIENT, notes its arguments in ``calls.json``,
and leaves a file ``hanging`` there once it hangs. It may have steps to make (outcomes as in `fakes.OUTCOMES`), a
point of a step at which the client is killed, whether it stops the run, how long it hangs, its JSON result, its exit
code and its last words.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

HERE = Path(os.environ["FAKE_CLIENT"])


def step(outcome: str, point: str | None) -> None:
    """Edit train.py and make a step, or die in it."""
    from fakes import OUTCOMES, edit, make_loop

    def reach(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    loop = make_loop(Path.cwd(), reach)
    edit(Path.cwd(), len(loop.workspace.current().trials), OUTCOMES.get(outcome, outcome))
    loop.step()
    loop.workspace.ledger.close()


def main() -> int:
    calls = HERE / "calls.json"
    earlier = json.loads(calls.read_text()) if calls.exists() else []
    calls.write_text(json.dumps([*earlier, sys.argv[1:]]))
    actions = json.loads((HERE / "script.json").read_text())
    action = actions[min(len(earlier), len(actions) - 1)]
    session = sys.argv[sys.argv.index("--resume" if "--resume" in sys.argv else "--session-id") + 1]
    result = {"type": "result", "is_error": False, "session_id": session, "total_cost_usd": 0.0, "result": "done"}
    result |= action.get("result", {})
    try:
        for outcome in action.get("steps", []):
            step(outcome, action.get("killed"))
        if action.get("stop"):
            from fakes import make_loop

            make_loop(Path.cwd()).stop("the client's test ends here")
        if "hang" in action:
            (HERE / "hanging").touch()
            time.sleep(action["hang"])
    except KeyboardInterrupt:
        result |= {"is_error": True, "result": None, "terminal_reason": "aborted_tools"}
    sys.stderr.write(action.get("err", ""))
    if "err" not in action:
        sys.stdout.write(json.dumps(result) + "\n")
    return int(action.get("code", result["is_error"]))


if __name__ == "__main__":
    sys.exit(main())
