"""What an MCP client sees: tools, prompts, resources, and how long a call may wait.

Read `app`, which puts a server together, then `tools`, with `waiting` (how long a client is made
to wait) and `reply` (what it is told). `arguments` makes what it says strict, and
`sessions` knows who else is calling. `lookups` are the tools that only read; `resources` and
`prompts` the rest of the protocol; `page` has the human's page written; `http` is tier 1's door.
"""
