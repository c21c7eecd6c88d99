"""Before the first evaluation.

`starting` freezes everything, and `proving` has each task proved, by what `validation` asks.
"""
