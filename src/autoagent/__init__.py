"""AutoAgent: an MCP server that referees an overnight hill-climb.

The meta-agent proposes; the server alone measures, decides and writes down. Eleven rooms; each
knows those that stand after it, and none before it:

- `commands`: what a human types.
- `server`: what an MCP client sees.
- `night`: an agent is driven until morning; it and `server` do not know each other.
- `review`: what a reviewer says of the tasks, before a night.
- `referee`: the rules, in order of play. Start reading here.
- `worker`: one evaluation, in a process of its own.
- `environments`: where a task's commands run.
- `workspace`: the human's directory.
- `gateway`: how a harness calls its model.
- `gate`: how a candidate is judged.
- `evidence`: what is believed in the morning.

Beside them: `config` (autoagent.toml), `installed` (what is, against the lock), `files`, `records`
and `errors`.
"""
