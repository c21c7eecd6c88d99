"""Between the candidate and its verifier, in a sandbox.

`looking` judges the `changes` and `remains`, and starts the verifier by `restoring`.
"""
