"""Before a night: a workspace, its tasks, and what keeps them from being played.

`init` makes a workspace, `adopt` takes tasks into it, `pull` fetches the images that they start
from, `tasks` has the commands about them, and `review` says what is wrong with them. `doctor` says
what keeps it all from a night: `machine` asks the machine, `suite` the tasks, `builds` the builder,
and each check is one of its `rows`. `calibrate` finds how many trials at a time are enough,
`separate` makes tier 1.
"""
