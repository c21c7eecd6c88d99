"""The candidate acts: between Harbor's trial and the sandboxed process of `agent.py`.

`proxy` is the agent that Harbor knows; it leaves the work to `harness`, the process. Their
`conversation` is of `calls`.
"""
