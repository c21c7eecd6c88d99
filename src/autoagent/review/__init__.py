"""What a benchmark's reviewer would say of a workspace's tasks, before a night is spent on them.

`faults` is what is said: one line with its fix. `texts` finds those that the files tell; `agents`
are a dozen cheap wrong ones, which `trials` has played beside each task's oracle, a no-op and the
task's own answers, and judges. Whoever types the command runs them (`commands/before/review`).
"""
