"""The server's own store of candidates, and the user's repository.

`plumbing` runs the few git programs that are safe beside a hostile repository; `refs` moves
branches by compare and swap. `store` keeps candidates; `user_repo` reads the user's repository
and gives it one branch. `projection` writes what the journal says into the workspace.
"""
