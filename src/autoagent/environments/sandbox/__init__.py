"""The `sandbox` environment: tasks without Docker or root, in bubblewrap.

Who a trial is on this machine: `outside`, by `keeper`. What its sandbox is made of: `bubblewrap`,
and which system calls it may make: `seccomp`. `sandbox` is the environment, whose `commands` are
bounded by `cgroups` and `storage`, whose files are reached through `beneath`, whose root comes
from `images`, and whose `changes` and `remains` are judged by `looking`, which starts the verifier
by `restoring`. `inside/` runs next to the candidate.
"""
