"""4 credits, from the current article; 2 is from an archived one that search finds first."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("article", "a-101")
desk.says("the price", r"\b(4|four) credits")
desk.says(
    "that the friend's is not",
    r"\bnot\b|n't\b|no longer|\bno\b|outdated|\bold\b|used to|chang|was\b|until|actually|\bnow\b|current",
)
desk.never_says("that the friend is right", r"\byes\b|your friend is (quite )?right|that('s| is) (right|correct)")
desk.changed()
desk.close()
