"""What the client tells a hook, and what hooks remember of who runs a loop."""

from collections import namedtuple
from collections.abc import Mapping

__all__ = ["Event", "Watch"]


class Event:
    """What the client tells a hook.

    Parameters
    ----------
    session, agent
        Who calls: the conversation, and the subagent in it or an empty text.
    cwd
        The client's current folder.
    tool, given
        The tool and its input; empty for events of the session.
    """

    def __init__(
        self,
        session: str = "",
        agent: str = "",
        cwd: str = ".",
        tool: str = "",
        given: Mapping[str, object] | None = None,
    ) -> None:
        self.session, self.agent, self.cwd, self.tool = session, agent, cwd, tool
        self.given: Mapping[str, object] = given or {}

    @classmethod
    def read(cls, raw: Mapping[str, object]) -> "Event":
        """Take what the client wrote on standard input."""
        given = raw.get("tool_input")
        return cls(
            session=str(raw.get("session_id", "")),
            agent=str(raw.get("agent_id") or ""),
            cwd=str(raw.get("cwd") or "."),
            tool=str(raw.get("tool_name", "")),
            given=given if isinstance(given, Mapping) else None,
        )

    @property
    def command(self) -> str:
        """The shell command that is asked for; empty for other tools."""
        return str(self.given.get("command", "")) if self.tool == "Bash" else ""


class Watch(namedtuple("Watch", ("session", "agent", "blocks", "seen", "released"), defaults=("", 0, -1, False))):
    """What the hooks remember of one run: who runs its loop.

    Parameters
    ----------
    session, agent
        The conversation that started or resumed the run, and the subagent in it or an empty text.
    blocks, seen
        Turns that were kept from ending since the last step, and the iterations there were then.
    released
        The loop ended with a notice; the session is an ordinary one again until it resumes the run.
    """

    def holds(self, event: Event) -> bool:
        """Whether the session, or subagent, of `event` runs the loop."""
        return not self.released and (self.session, self.agent) == (event.session, event.agent)
