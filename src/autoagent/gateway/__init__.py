"""The model gateway: how a harness calls its pinned model, and nothing else, and who counts.

It lives in the worker. A harness reaches it on the loopback of its own sandbox, with a
placeholder for a key; the gateway holds the real one, refuses every other model, meters what the
provider says was used and stops at the budget. It knows nothing of Harbor, of tasks or of scores.

`gateway` serves a `scope` for each trial; `reach` is how a sandbox gets to it, and `listening`
where. A call: `asking` reads it, `calling` makes it, by `upstream` and with `manners`,
`answering` gives it back; `recording` keeps it, `redact` takes keys out. What it costs: `usage`,
`prices`, `spending`, the `purse` and the `bill`. `plan` is all that is known before: `providers`,
and the `pin`. `report` is a row of `doctor`'s. `standin/` answers in a model's place.
"""
