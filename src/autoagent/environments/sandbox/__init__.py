"""The `sandbox` environment: tasks without Docker or root, in bubblewrap.

Who a trial is on this machine: `outside`, by `keeper`. What its sandbox is made of: `bubblewrap`,
and which system calls it may make: `seccomp`. `sandbox` is the environment, whose `commands` are
bounded by `cgroups` and `storage`, whose files are reached through `beneath` (`transfers`), and
whose root comes from `images` (those of others through `unpacking`, with a `system` of their own).
It goes through `phases`: a verifier starts by way of `verifying/`, and `steps` is what a candidate
carries from one step of its task to the next. `inside/` runs next to the candidate.
"""
