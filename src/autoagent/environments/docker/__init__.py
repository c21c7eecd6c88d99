"""The `docker` environment: one container while the candidate acts, a fresh one to verify in.

`choosing` says which class runs a task: `environment` or, for services, `composed`. An
environment has `container`s within `bounds`, and volumes, made of one of the `images/`; files
travel as `archives`, and what a command prints as `output`. `verifying/` is what is looked at
between the candidate and its verifier. `daemon` asks the daemon and labels what is ours, and the
`janitor` removes what was left.

Nothing here knows where a daemon stores what it holds, or reads it there; only `verifying/unseen`
has the daemon mount a directory which that itself names.
"""
