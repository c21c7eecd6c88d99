"""The model gateway: how a harness calls its pinned model, and nothing else, and who counts.

It lives in the worker. A harness reaches it on the loopback of its own sandbox, with a placeholder
for a key; the gateway holds the real one, refuses every other model, meters what the provider says
was used and stops at the budget. It knows nothing of Harbor, of tasks or of scores.

`plan` is all that is known before, and `providers` what is particular to each; `ready` tells the
human whether it will do, and `preflight` asks. `gateway` serves a scope for each trial; `reach` is
how a sandbox gets to it, and `listening` where. `calls/` is a call's way, `money/` what it costs;
`identity` says whether the model that answered is the one that was asked. `standin/` answers in a
model's place.
"""
