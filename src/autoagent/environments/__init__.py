"""Where a task's commands run: Harbor environments of our own, and Harbor's.

`kinds` has one object for each kind of environment: whoever asks which it is asks there.
`refereed` is what all of them promise: they know when the candidate acts; `trials` is what is known
of each trial in hand. What the candidate may have done to its verifier: `ground` is where that
starts, `tampering/` the rule. What a verifier left goes out by `outputs`, and `trees` unpacks and
removes what others filled. `sandbox/` and `docker/` are ours; `harbor` makes one of each of the
`harbor_types`.
"""
