"""The code that runs inside the harness sandbox, next to the candidate.

Standard library and Harbor only: nothing of AutoAgent outside this folder exists there.
Nothing here is trusted once the candidate's code has started in the same process.
"""
