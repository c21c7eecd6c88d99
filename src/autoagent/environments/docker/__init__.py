"""The `docker` environment: one container while the candidate acts, a fresh one to verify in.

`choosing` says which class runs a task: `environment` or, for services, `composed`. An
environment has `container`s within `bounds`, and volumes, made of an image from `builds` on
`base_image`; files travel as `archives`. Afterwards `judging` holds one against its image, by
changes and `remains`; `unseen` reads what a daemon does not tell, `restoring` puts the image's home
back, and `watching` sees foreign hands. `daemon` asks the daemon and labels what is ours, `plugin`
asks for compose, and the `janitor` removes what was left.

Nothing here knows where a daemon stores what it holds, or reads it there; only `unseen` has the
daemon mount a directory which that itself names.
"""
