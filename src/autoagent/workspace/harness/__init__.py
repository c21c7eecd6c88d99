"""`agent.py`: where its boundary is, and what may stand above it.

`boundary` splits and checks it; `bindings` finds names that the fixed section needs; `hints` are
warnings, which decide nothing.
"""
