"""One evaluation, in a process of its own.

`engine` is the seam: all that the referee knows, and what a worker is told. `detached` starts
workers and finds them again; `scripted` is the double that tests play with. `worker` is the
process: it runs `rounds` of trials, each a `job` of Harbor's, whose agent is `proxy`. That leaves
the work to `harness`, the sandboxed process of `agent.py`; their `conversation` is of `calls`.
`trials` is what is known of each in hand, `outcomes` what it came to. `memory` bounds how many run
at once; `scratch` is where.
"""
