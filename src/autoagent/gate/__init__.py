"""Gates decide a candidate. Everything in this room is pure: no I/O, no clock.

`decide` is the gate: a verdict from scores and what `simplicity` says, by one of the `rules/`. How
a contest is set up: `contests`. What is compared: `score`, over `passes`, in the order of the
`agenda`, cut short by `pruning`. How much is luck: `noise`, and `power` before a night; what is
claimed at the end: `certificate`.
"""
