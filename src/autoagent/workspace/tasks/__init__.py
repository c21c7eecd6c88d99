"""Tasks in Harbor's format: read, checked, frozen.

`inspect` reads one task: its `config` (task.toml), its `dockerfile` (with `shell_words`), its
`compose` file and what `services` it needs; the `article`'s older form is made Harbor's.
`base` is what the tasks share of their environment. `selection` says which are held out.
`snapshot` freezes them by content; `stat_cache` notices drift without reading everything.
"""
