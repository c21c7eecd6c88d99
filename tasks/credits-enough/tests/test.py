"""Seven times 5 is 35, the balance is 32: no, three are missing."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("credits", "u-3003")
desk.says_number("what is needed", 35)
desk.says_number("what is there", 32)
desk.says("what is missing", r"\b(3|three)\b")
desk.says(
    "that it is not enough",
    r"(\bnot|n't) (quite |yet )?(have |be )?(quite )?(enough|cover)|short|missing|too few|lack"
    r"|insufficient|(3|three) (more|too few)|not quite",
)
desk.never_says("that it is", r"\byes\b")
desk.changed()
desk.close()
