"""What a candidate may have done to its verifier: one rule for every environment.

`steering` is the rule over each `change`, with `loading` for the dynamic loader's cache, and
`standing` over what is where the verifier stands. `leftovers` judges what was left, which `survey`
reads from a tree and `listing` from a command's output.
"""
