"""Git without git's porcelain: the server's own store, and the user's repository.

`store` keeps candidates, on `object_store` and `git_objects`; `refs` moves branches by compare
and swap. `plumbing` runs the few git programs that are safe over a hostile repository, and
`user_repo` asks them. `projection` writes what the journal says into the workspace.
"""
