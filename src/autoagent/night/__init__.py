"""A whole night without a human: an agent is driven over ACP, the Agent Client Protocol.

Read `night`, which plays from the first session to the report, then `agent` (one process that
speaks ACP, and our end of it), `policy` (what it is granted), `standing` (where the climb stands,
read from the journal) and `closing` (how the climb ends where the agent did not end it). `schedule`
knows hours, `log` what was done, `ending` what is said of it, `attention` what a human should hear
meanwhile, `notice` whom to tell; `watching` does that for a climb of any client. The driver makes
no move that the referee would not make for anybody: it grants, waits, starts again and says "go
on".
"""
