"""Tools that take exactly the arguments they name, and refuse in one form.

    what happened. why. Next: the exact call.

The SDK drops unknown arguments, converts those of a wrong type and hides every exception's
text; here unknown and wrong ones are refused by name, and every error we raise is told.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from autoagent import errors
from autoagent.evidence.untrusted import clip, one_line
from autoagent.referee.moves import advice
from autoagent.server.reply import Reply, Words
from autoagent.server.sessions import Sessions

logger = logging.getLogger(__name__)

REFUSAL_LIMIT = 6000

FAULT = (
    "An internal fault of the server; nothing you did is wrong. The climb's state is safe in the "
    "journal, and what runs goes on. Next: status()."
)


def refusal(error: errors.AutoAgentError) -> str:
    """An error as the client reads it: what happened, why, and the call to make next."""
    said = clip(error.message.strip(), REFUSAL_LIMIT)
    end = "" if said.endswith((".", "!", "?")) else "."
    return f"{said}{end} Next: {(error.next_call or advice(error)).rstrip('.')}."


def strict_tool(
    function: Callable[..., Any],
    title: str,
    *,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
) -> "StrictTool":
    """A tool from an async function that returns a `Reply`; its docstring is the description.

    All annotations are sent: none is left to a client's guess.
    """
    tool = StrictTool.from_function(
        function,
        description=" ".join((function.__doc__ or "").split()),
        annotations=ToolAnnotations(
            title=title,
            read_only_hint=read_only,
            destructive_hint=destructive,
            idempotent_hint=idempotent,
            open_world_hint=open_world,
        ),
        structured_output=True,
    )
    loose = tool.fn_metadata.arg_model
    strict = create_model(loose.__name__, __base__=(_Strict, loose))
    tool.fn_metadata.arg_model = strict
    tool.parameters = input_schema(strict)
    tool.fn_metadata.output_schema = output_schema(tool.fn_metadata.output_model)
    return cast("StrictTool", tool)


class _Strict(ArgModelBase):
    model_config = ConfigDict(extra="forbid", strict=True)


class StrictTool(Tool):
    """A tool whose arguments are validated as they are and whose errors are told."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    sessions: Sessions = Field(default_factory=Sessions, exclude=True)

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> CallToolResult:
        """Make the call.

        Raises:
            ToolError: It was refused; the text says why and what to call next.
        """
        try:
            given = self.fn_metadata.arg_model.model_validate(arguments).model_dump_one_level()
        except ValidationError as error:
            raise ToolError(self._misfit(error)) from error
        if self.context_kwarg is not None:
            given[self.context_kwarg] = context
        try:
            with self.sessions.call(context) as others:
                reply = cast("Reply", await self.fn(**given))
            told = f"{reply.message} {others}" if others else reply.message
            return reply.replace(message=told).result()
        except errors.AutoAgentError as error:
            raise ToolError(refusal(error)) from error
        except (ToolError, MCPError):
            raise
        except Exception as error:
            logger.exception("%s failed", self.name)
            raise ToolError(FAULT) from error

    def _misfit(self, error: ValidationError) -> str:
        """Which arguments do not fit, and what the tool takes."""
        properties: dict[str, Any] = self.parameters["properties"]
        problems: list[str] = []
        for problem in error.errors(include_url=False)[:5]:
            name = ".".join(map(str, problem["loc"]))
            if problem["type"] == "extra_forbidden":
                problems.append(f"`{one_line(name, 60)}` is not an argument")
            elif problem["type"] == "missing":
                problems.append(f"`{name}` is missing")
            else:
                value = one_line(repr(problem["input"]), 60)
                problems.append(f"`{name}` is {value}: {problem['msg'].lower()}")
        takes = f"It takes {', '.join(properties)}." if properties else "It takes no arguments."
        call = f"{self.name}({', '.join(self.parameters.get('required', []))})"
        return f"{self.name} was not called: {'; '.join(problems)}. {takes} Next: {call}."


def input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """What a client may send: no titles and no defaults, which the description states.

    An argument that may be left out is shown with its plain type; null leaves it out too.
    """
    schema = arguments.model_json_schema()
    properties: dict[str, Any] = schema.get("properties", {})
    slim: dict[str, Any] = {"type": "object", "properties": {}}
    for name, full in properties.items():
        choices = [choice for choice in full.get("anyOf", [full]) if choice["type"] != "null"]
        slim["properties"][name] = {
            key: value
            for key, value in (choices[0] | {"description": full["description"]}).items()
            if key not in ("title", "default")
        }
    if required := schema.get("required"):
        slim["required"] = required
    return {**slim, "additionalProperties": False}


def output_schema(reply: type[BaseModel]) -> dict[str, Any]:
    """What a reply holds: the words that every reply has, and its own fields by type.

    One that may be null has none.
    The words of the schema are left out. Definitions are part of each conversation, so every
    one of them is paid for all night.
    """
    schema = reply.model_json_schema(mode="serialization")
    told = schema["properties"]
    own = [name for name in told if name not in Reply.model_fields]
    return {
        "type": "object",
        "properties": {name: _kind(told[name]) for name in own},
        "required": [name for name in Words.model_fields if name in told],
    }


def _kind(field: dict[str, Any]) -> dict[str, str]:
    return {} if "anyOf" in field else {"type": field.get("type", "object")}
