"""Tasks in Harbor's format: read, checked, frozen.

`task_files` are a task in memory, and the files that all tasks share; `problem` is what keeps one
from running. `inspect` looks at a whole task: its `task_toml`, its `dockerfile` (with
`shell_words`), its `compose` file and what `services` it needs; on the way to be frozen, `article`
makes the older form Harbor's. `selection` says which are held out. `snapshot` freezes them by
content; `stat_cache` notices drift without reading everything.
"""
