"""Gates decide a candidate. Everything in this room is pure: no I/O, no clock.

`decide` is the gate: a verdict from scores and what `simplicity` says. How a contest is set up:
`contests`. What is compared: `score`, over `passes`, in the order of the `agenda`, cut short by
`pruning`. The rules to choose from: `strict`, `confirm`, `anytime`; and task by task: `posterior`
says what is believed, `blocks` when that is enough, `pool` what was known before, in `wording`.
How much is luck: `noise`; what is claimed at the end: `certificate`.
"""
