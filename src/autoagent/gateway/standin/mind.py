"""What a stand-in does next: the first call that its rules allow, else its answer.

A pure function of the rules and the conversation, so equal requests get equal answers.
"""

import re
import string
from collections.abc import Mapping
from typing import Any

from autoagent.gateway.standin.conversation import Conversation, Tool
from autoagent.gateway.standin.rules import CallRule, Condition, Rule, Rules
from autoagent.records import Record

_FLAGS = re.IGNORECASE | re.MULTILINE


class Turn(Record):
    """One answer: a tool with its arguments, or text."""

    text: str = ""
    tool: str | None = None
    arguments: Mapping[str, Any] = {}


def think(rules: Rules, conversation: Conversation) -> Turn:
    """The stand-in's next turn."""
    parts = _parts(rules, conversation)
    facts = _facts(rules, parts)
    facts = {"said": (said := _said(rules, parts, facts))} | facts
    for call in rules.call:
        if _applies(call, parts, facts) and (turn := _called(call, rules, conversation, facts)):
            return turn
    return Turn(text=said)


def _said(rules: Rules, parts: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """What it would answer now, if no call were left to make."""
    said: list[str] = []
    for sentence in rules.say:
        text = _filled(sentence.text, facts)
        if text is None or not _applies(sentence, parts, facts):
            continue
        if sentence.alone:
            return text
        said.append(text)
    return " ".join(said) or rules.otherwise


def _parts(rules: Rules, conversation: Conversation) -> dict[str, str]:
    message = conversation.instruction
    if rules.words is not None:
        message = "\n".join(_last_group(m) for m in re.finditer(rules.words, message, _FLAGS))
    return {
        "prompt": conversation.prompt,
        "instruction": conversation.instruction,
        "message": message,
        "results": conversation.results,
        "told": f"{conversation.instruction}\n{conversation.results}",
        "model": conversation.model,
    }


def _facts(rules: Rules, parts: Mapping[str, str]) -> dict[str, str]:
    facts = {"message": parts["message"]}
    for fact in rules.fact:
        for match in re.finditer(fact.pattern, parts[fact.source], _FLAGS):
            facts[fact.name] = _last_group(match)
    return facts


def _last_group(match: re.Match[str]) -> str:
    """The group that took part in a match, or all of it."""
    return next((group for group in match.groups() if group is not None), match[0])


def _applies(rule: Rule, parts: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    if any(name in facts for name in rule.unknown):
        return False
    return all(_holds(rule.when, parts)) and not any(_holds(rule.unless, parts))


def _holds(condition: Condition, parts: Mapping[str, str]) -> list[bool]:
    return [
        re.search(pattern, parts[source], _FLAGS) is not None
        for source, pattern in condition.items()
    ]


def _called(
    call: CallRule, rules: Rules, conversation: Conversation, facts: Mapping[str, str]
) -> Turn | None:
    """The call as a turn, unless its tool is missing, it lacks an argument, or it was made."""
    for tool in conversation.tools:
        if re.fullmatch(call.tool, tool.name, _FLAGS):
            arguments = _arguments(call, tool, rules, facts)
            if arguments is None or (tool.name, arguments) in conversation.calls:
                return None
            return Turn(tool=tool.name, arguments=arguments)
    return None


def _arguments(
    call: CallRule, tool: Tool, rules: Rules, facts: Mapping[str, str]
) -> dict[str, Any] | None:
    """A value for each parameter that has a rule; None where a required one gets none."""
    arguments: dict[str, Any] = {}
    for name in tool.parameters:
        ways = [*call.arguments.items(), *((a.name, a.value) for a in rules.argument)]
        templates = (value for pattern, value in ways if re.fullmatch(pattern, name, _FLAGS))
        values = (_filled(template, facts) for template in templates)
        value = next((value for value in values if value is not None), None)
        if value is not None:
            arguments[name] = value
        elif name in tool.required:
            return None
    return arguments


def _filled(template: str, facts: Mapping[str, str]) -> str | None:
    """A template with its facts; None where one is not known."""
    try:
        return string.Formatter().vformat(template, (), facts)
    except (KeyError, IndexError):
        return None
