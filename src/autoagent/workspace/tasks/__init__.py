"""Tasks in Harbor's format: read, checked, frozen.

`task_files` are a task in memory, and the files that all tasks share; `problem` is what keeps one
from running. `inspect` looks at a whole task: its `task_toml`, what its environment is built of
(`building/`) and which host `variables` it needs; on the way to be frozen, `article` makes the
older form Harbor's. `answers` are right and wrong ones, by which a person tries a task's
`verifier`; `skeleton` makes a new task of another's environment. `selection` says which are held
out. `snapshot` freezes them by content; `stat_cache` notices drift without reading everything.
"""
