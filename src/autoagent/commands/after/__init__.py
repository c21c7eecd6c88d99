"""The morning: what a climb brought, and what a human makes of it.

`morning` has the commands, and `printing` prints. `standing` tells where a climb stands, `report`
what it brought, `watch` the same while it goes on, `show` what one candidate did. `promote` makes a
branch of the best, `unseen` gives it a case that no task has, `new_task` makes a task of that.
`verify` audits a journal, `export` writes it out, and `clean` removes what nothing rests on.
"""
