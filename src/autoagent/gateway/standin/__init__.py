"""The stand-in model: answers by rules, for tests and for people without a key.

No number that comes from it says anything about a real model, so every model name in its
answers ends in `-stand-in`. The wire formats are llm-mock-api's; the rules are ours.
"""
