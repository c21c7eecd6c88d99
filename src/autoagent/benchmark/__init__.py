"""Running evaluations: the engine seam, the worker, the harness process, the sandbox.

`engine` is all the referee knows. Harbor is imported only by the modules that run
inside a worker process (`worker`, `proxy`, `environments`).
"""
