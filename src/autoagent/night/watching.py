"""A climb that any client plays, watched for a human who sleeps.

It is a process of its own, so that it tells of a client and a server that died.
"""

import time

import anyio

from autoagent.errors import AutoAgentError
from autoagent.night.attention import Attention, News
from autoagent.night.ending import judged
from autoagent.night.notice import Log, facts, tell
from autoagent.night.standing import look
from autoagent.workspace.layout import Workspace

PULSE_SECONDS = 2.0


async def attend(workspace: Workspace, log: Log) -> None:
    """Tell webhook and desktop what cannot wait, and of the end of each climb, until cancelled."""
    terms, playing, unread = workspace.config.night, False, ""
    attention = Attention(workspace, terms)
    while True:
        try:
            stand, unread = look(workspace), ""
        except AutoAgentError as error:
            if error.message != unread:
                unread = error.message
                log("error", unread)
        else:
            position, code = stand.position, None
            news = list(attention.news(stand, time.monotonic()))
            over = position.phase == "finished"
            if playing and over:
                code, message = judged("the climb is over", position)
                news.append(News("ended", message))
            playing = not over and position.phase != "new"
            for event, message in news:
                log(event, message)
                told = facts(workspace.root, position, event, message)
                await tell(told | {"code": code}, terms.webhook, log)
        await anyio.sleep(PULSE_SECONDS)
