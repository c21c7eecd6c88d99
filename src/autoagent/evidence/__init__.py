"""What is believed in the morning.

`journal` is the only truth: a hash chain of `events`, which are one record per kind; `clocks` tell
it for how long the machine slept. `position` says what each event changes, `answers` which models
answered. `ledger` is results.tsv, written from it. `trajectory` reads what an agent did, out of a
trial's directory (`trial_files`), and `outline` shows it; `failure` is what a verifier said of one,
`causes` says why trials failed, `doubts` whether a pass was earned; `untrusted` fences what others
said.
"""
