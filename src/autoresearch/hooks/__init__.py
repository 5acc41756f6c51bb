"""Hooks of the coding client: what keeps a live run's record safe and its loop going.

    __main__                         reads the event, prints the answer
    state, tally                     effects: the run on the checked-out branch, who runs its loop, where it stands
    guard -> programs -> gitrules -> places, shell      pure: may this tool call be made?
    stop, brief                                         pure: may the turn end? what is to be known at its start?
    events, standing                                    nouns: what a hook is told, what it sees of a run

The guard is asked before every shell command and every edit, so what it imports is counted: no dataclasses, no
typing, no pathlib, which take longer than the answer. `brief` and `stop` come once a turn, and may have trials.

They are norms with a reason, not the boundary: docs/claude_code.md says what they do not see.
"""
