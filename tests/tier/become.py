"""What `sudo autoagent separate` does, with users and places that a test chose. Root runs it.

    become.py WORKSPACE TOKEN_FILE SERVER_UID PEER_UID

AUTOAGENT_STATE_DIR is where the state goes.
"""

import os
import sys
from pathlib import Path

from autoagent.commands.before import separate
from autoagent.commands.before.separate import Account
from autoagent.errors import AutoAgentError
from autoagent.workspace.state import state_directory

root, token = Path(sys.argv[1]), Path(sys.argv[2])
server, peer = (Account(int(n), int(n), f"user-{n}", token.parent) for n in sys.argv[3:5])
try:
    base = Path(os.environ["AUTOAGENT_STATE_DIR"])
    separate.make_private(base, server)
    separate.prepare(root, state_directory(root), server, peer, token)
except AutoAgentError as error:
    sys.exit(str(error))
separate.become(root, "127.0.0.1:0", server, peer)
