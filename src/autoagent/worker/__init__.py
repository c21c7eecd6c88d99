"""One evaluation, in a process of its own.

`engine` is the seam: all that the referee knows. `detached` starts workers and finds them again;
`scripted` is the double that tests play with. `worker` is the process: it runs Harbor, whose
agent is `proxy`, which leaves the work to `harness`, the sandboxed process of `agent.py`, and
serves its `calls`. `outcomes` says what a trial came to. `memory` bounds how many run at once;
`scratch` is where.
"""
