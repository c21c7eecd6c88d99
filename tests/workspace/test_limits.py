"""What a harness's source says of how long an answer may be."""

import pytest

from autoagent.workspace.harness.limits import output_limits


@pytest.mark.parametrize(
    ("source", "limits"),
    [
        ("MODEL = 'gpt-5'", None),
        ("ask(max_output_tokens=500)", (500,)),
        ("ask(max_tokens=500); ask(max_completion_tokens=100)", (100, 500)),
        ("LIMIT = 700\nask(ModelSettings(max_tokens=LIMIT))", (700,)),
        ("body = {'input': 'x', 'max_output_tokens': 9}", (9,)),
        ("body['max_tokens'] = 9", (9,)),
        ("LIMIT = 9\nenv = {'CLAUDE_CODE_MAX_OUTPUT_TOKENS': str(LIMIT)}", (9,)),
        ("env = {'CLAUDE_CODE_MAX_OUTPUT_TOKENS': '9'}", (9,)),
        ("ask(max_tokens=limit())", ()),
        ("ask(max_tokens=5); ask(max_tokens=limit())", ()),
        ("settings = load('max_tokens')", ()),
    ],
)
def test_a_limit_is_found_where_its_number_stands_in_the_source(
    source: str, limits: tuple[int, ...] | None
) -> None:
    """None is no limit, and nothing is a limit that nobody knows."""
    assert output_limits(source.encode()) == limits
