"""The model gateway: how a harness calls its pinned model, and nothing else, and who counts.

It lives in the worker. A harness reaches it on the loopback of its own sandbox, with a
placeholder for a key; the gateway holds the real one, refuses every other model, meters what the
provider says was used and stops at the budget. It knows nothing of Harbor, of tasks or of scores.

`plan` is all that is known before, and `preflight` asks whether it will do; `gateway` serves a
`scope` for each trial; `reach` is how a sandbox gets to it, and `listening` where. A call:
`asking` reads it, `calling` makes and answers it, by `upstream`, with its `headers`, at the
provider's `pacing`; `answering` says whether what comes is an answer, `probing` whose fault it is
if not, `outage` when the provider is back, and `clock` whose time it took. `recording` keeps it,
`redact` takes keys out. What it costs: `usage`, `prices` and the `purse`. `providers` says what
is particular to each. `standin/` answers in a model's place.
"""
