"""What a human types; nobody imports it.

`cli` has the commands, one function each, `morning` those about a climb that was played, `options`
what many take. What they do: `init` makes a workspace, `doctor` says what keeps it from a night
(`machine` asks the machine), `serve` waits for a client and `hook` answers the client's hooks,
`run` measures once, `calibrate` finds how many trials at a time are enough, `night` has an agent
play, `certify` measures afterwards what a climb brought, `renew` grants another night. `standing`
tells where a climb stands, `report` what it brought, `promote` makes a branch of that, `verify`
audits a journal, `export` writes it out, `separate` makes tier 1.
`demo` plays `demo_script`. `terminal` prints; `templates/` is what `init` copies.
"""
