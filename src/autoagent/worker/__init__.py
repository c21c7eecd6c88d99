"""One evaluation, in a process of its own.

`engine` is the seam: all that the referee knows, and what a worker is told. `detached` starts
workers and finds them again; `scripted` is the double that tests play with. `worker` is the
process: it runs `rounds` of trials, each a `job` of Harbor's, whose agent is in `acting/` or the
`oracle`. `trials` is what is known of each in hand, `outcomes` what it came to. `host` fills in
variables that tasks name, and `secrets` hides them. `memory` bounds how many run at once;
`scratch` is where.
"""
