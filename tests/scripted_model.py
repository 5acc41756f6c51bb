"""A stand-in for the model behind the coding client: it answers from a script, and remembers what it was asked.

Turns are given in order; a turn that is a function sees the request and answers as it likes. Subagents have scripts of
their own, found by words of their system prompt. When a script is over the answer is `THE END`.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

OVER = "THE END"


@dataclass(frozen=True)
class Call:
    """A tool call of the model.

    Parameters
    ----------
    filled
        Tokens that the conversation is said to have come to with it: near the model's limit the client compacts it.
    """

    tool: str
    given: dict[str, Any]
    filled: int = 10


@dataclass(frozen=True)
class Failure:
    """An answer of the service that is none: 529 where it is overloaded, 429 where the user's limit is reached."""

    status: int
    message: str = "scripted"
    kind: str = "overloaded_error"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def limit(cls, resets: float) -> Self:
        """The user's five hours are used up until `resets`, in the headers by which the client knows it."""
        said = "anthropic-ratelimit-unified"
        headers = {
            f"{said}-status": "rejected",
            f"{said}-reset": f"{resets:.0f}",
            f"{said}-representative-claim": "five_hour",
            "x-should-retry": "false",
        }
        return cls(429, "This request would exceed your account's rate limit.", "rate_limit_error", headers)


Turn = str | Call | Failure
Script = Sequence["Turn | Callable[[Request], Turn]"]


def bash(command: str) -> Call:
    """A shell command."""
    return Call("Bash", {"command": command, "description": "scripted"})


@dataclass(frozen=True)
class Request:
    """A request for the model's next turn, and what it was answered.

    Parameters
    ----------
    agent
        The words that chose a subagent's script; empty in the main conversation.
    """

    body: dict[str, Any]
    agent: str
    reply: Turn = ""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far."""
        return list(self.body["messages"])

    @property
    def text(self) -> str:
        """Everything that stands in the conversation, tool calls and their results included."""
        return "\n".join(_texts(self.messages))

    @property
    def news(self) -> str:
        """What was said to the model since its last turn."""
        fresh = itertools.takewhile(lambda message: message["role"] != "assistant", reversed(self.messages))
        return "\n".join(_texts(list(reversed(list(fresh)))))

    @property
    def results(self) -> list[str]:
        """Results of the tool calls that were made in the last turn."""
        fresh = itertools.takewhile(lambda message: message["role"] != "assistant", reversed(self.messages))
        return [
            "\n".join(_texts(block.get("content", "")))
            for message in fresh
            if isinstance(message["content"], list)
            for block in message["content"]
            if block["type"] == "tool_result"
        ]


def _texts(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, list):
        for item in found:
            yield from _texts(item)
    elif isinstance(found, dict):
        for key in ("text", "content", "input"):
            if key == "input" and key in found:
                yield json.dumps(found[key])
            elif key in found:
                yield from _texts(found[key])


@dataclass
class ScriptedModel:
    """Serves the Messages API on 127.0.0.1 while its block lasts.

    Parameters
    ----------
    script
        Turns of the main conversation, in order.
    agents
        Scripts of subagents by words that stand in their system prompt.
    tokens
        That each answer is said to have taken.
    """

    script: Script
    agents: Mapping[str, Script] = field(default_factory=dict)
    tokens: int = 5
    requests: list[Request] = field(default_factory=list, init=False)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._left = {"": iter(self.script), **{words: iter(script) for words, script in self.agents.items()}}
        model = self

        class Handler(_Handler):
            answer = staticmethod(model._answer)
            tokens = model.tokens

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End to serve."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, agent: str = "") -> list[Request]:
        """Requests of one conversation."""
        return [request for request in self.requests if request.agent == agent]

    def _answer(self, body: dict[str, Any]) -> Turn | list[dict[str, Any]]:
        if not body.get("tools"):
            return [{"type": "text", "text": "a title"}]  # the client asks for one on the side
        system = "\n".join(_texts(body.get("system", "")))
        agent = next((words for words in self.agents if words in system), "")
        request = Request(body, agent)
        with self._lock:
            turn = next(self._left[agent], OVER)
        said = turn(request) if callable(turn) else turn
        with self._lock:
            self.requests.append(Request(body, agent, said))
        if isinstance(said, Failure):
            return said
        if isinstance(said, Call):
            number = f"toolu_{next(self._numbers):06d}"
            return [{"type": "tool_use", "id": number, "name": said.tool, "input": said.given, "filled": said.filled}]
        return [{"type": "text", "text": said}]


class _Handler(BaseHTTPRequestHandler):
    """One connection of the client."""

    protocol_version = "HTTP/1.1"
    answer: Callable[[dict[str, Any]], Any]
    tokens: int

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._send({})

    def do_GET(self) -> None:
        self._send({"data": [], "has_more": False})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens":
            self._send({"input_tokens": len(raw) // 4})
        elif path == "/v1/messages":
            self._messages(json.loads(raw))
        else:
            self._send({})

    def _messages(self, body: dict[str, Any]) -> None:
        said = self.answer(body)
        if isinstance(said, Failure):
            error = {"type": "error", "error": {"type": said.kind, "message": said.message}}
            self._send(error, said.status, said.headers)
            return
        filled = said[0].pop("filled", 10)
        message = {
            "id": f"msg_{id(body)}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model"),
            "content": said,
            "stop_reason": "tool_use" if said[0]["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": filled, "output_tokens": self.tokens},
        }
        if body.get("stream"):
            self._stream(message)
        else:
            self._send(message)

    def _stream(self, message: dict[str, Any]) -> None:
        events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}]
        for index, block in enumerate(message["content"]):
            if block["type"] == "text":
                empty, delta = {"text": ""}, {"type": "text_delta", "text": block["text"]}
            else:
                given = json.dumps(block["input"])
                empty, delta = {"input": {}}, {"type": "input_json_delta", "partial_json": given}
            events.append({"type": "content_block_start", "index": index, "content_block": {**block, **empty}})
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
            events.append({"type": "content_block_stop", "index": index})
        end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        events.append({"type": "message_delta", "delta": end, "usage": message["usage"]})
        events.append({"type": "message_stop"})
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self._write(text.encode(), "text/event-stream", 200)

    def _send(self, answer: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._write(json.dumps(answer).encode(), "application/json", status, headers)

    def _write(self, data: bytes, kind: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
