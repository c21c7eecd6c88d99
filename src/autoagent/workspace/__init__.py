"""The human's directory: what is in it, what may be changed, and what is frozen.

`layout` finds and opens a workspace, `state` the server's private directory of it, by its path and
`birth`. `harness/` splits and checks `agent.py`; `editing` changes it, and `notes` are the
meta-agent's memory beside it. `tasks/` reads and freezes tasks. `git/` stores candidates and
projects them into the user's repository. `tier` says who else could write here, `disks` which place
a disk's trouble is of.
"""
