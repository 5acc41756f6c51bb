"""Hooks of the coding client: what keeps a live run's record safe and its loop going.

    __main__                         reads the event, finds the run, prints the answer
    state                            effects: the run on the checked-out branch, who started it
    guard -> programs -> gitrules -> places, shell      pure: may this tool call be made?
    stop, brief                                         pure: may the turn end? what is to be known at its start?

They are norms with a reason, not the boundary: docs/claude_code.md says what they do not see.
"""
