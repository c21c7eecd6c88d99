"""What is believed in the morning.

`journal` is the only truth: a hash chain of `events`, which are one record per kind. `position`
says what each event changes. `ledger` is results.tsv, written from it. `trajectory` reads what an
agent did; `untrusted` fences what others said.
"""
