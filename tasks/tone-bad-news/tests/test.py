"""30 days are more than 14: no, why, and that the credits stay."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("order", "o-7107")
desk.changed()
desk.says_no()
desk.says("why", r"\b(14|fourteen)\b|two weeks")
desk.says("what stays", r"\b10[03]\b")
desk.promises_no_money()
desk.close()
