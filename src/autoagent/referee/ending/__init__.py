"""At the end of a climb: what it brought, measured afresh.

`certifying` measures the champion, `ablation` each kept edit, and `worth` says it in words.
"""
