"""One call of a model: read, passed on, answered, metered.

`scope` is who may call. `asking` reads a call: what of it is understood (`fields`), and how hard
the model is to think (`effort`). `calling` makes and answers it, by `upstream`, with its
`headers`, at the provider's `pacing`; `answering` says whether what comes is an answer, `probing`
whose fault it is if not, `outage` when the provider is back, and `clock` whose time it took.
`recording` keeps it, `redact` takes keys out.
"""
