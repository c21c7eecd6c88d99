"""Asks its model once, and answers what it said."""

import json
import os
import urllib.request


async def run_task(environment, instruction):
    body = {"model": "gpt-5", "instructions": SYSTEM_PROMPT, "input": instruction}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/responses",
        json.dumps({**body, "max_output_tokens": 50}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answered:
        said = json.loads(answered.read())["output"][-1]["content"][0]["text"]
    await environment.exec("cat > /app/answer.txt <<< '" + said + "'")
    return said, 1
