"""The rules to choose from.

By the sum of passes: `strict`, `confirm`, `anytime`. Task by task: `posterior` says what is
believed, `blocks` what is measured next, `price` when that is enough (`unpriced` in climbs of old),
`pool` what was known before, in `wording`.
"""
