"""What a human types; nobody imports it.

`cli` has the commands, one function each, `options` what many take, and `terminal` prints. What
they do lies in the order of a night: `before/` it, `during/` it, and the morning `after/`.
`templates/` is what `init` copies.
"""
