"""The model gateway: how a harness calls its pinned model, and nothing else, and who counts.

It lives in the worker. A harness reaches it on the loopback of its own sandbox, with a
placeholder for a key; the gateway holds the real one, refuses every other model, meters
what the provider says was used and stops at the budget. It knows nothing of Harbor, of
tasks or of scores.
"""
