"""4 credits, from the current article; 2 is from an archived one that search finds first."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("article", "a-101")
desk.says("the price", r"\b(4|four) credits")
desk.says(
    "that the friend's is not",
    r"\bnot\b|n't\b|\bno\b|\bold\b|outdated|used to|chang|\bwas\b|until|actually|\bnow\b|current",
)
desk.never_says(
    "that the friend is", r"\byes\b|friend is (quite )?right|that('s| is) (right|correct)"
)
desk.changed()
desk.close()
