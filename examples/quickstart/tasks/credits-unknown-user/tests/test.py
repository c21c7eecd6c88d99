"""Without an account there is no balance to tell: the desk asks for the e-mail address."""

from check import Desk

desk = Desk()
desk.looked_up("(account|credits) u-9999")
desk.says("that there is no account", r"(\bno|\bnot|n't|\bcannot|\bunable) .{0,40}account")
desk.says("which detail would help", r"e-?mail")
desk.never_says("a number of credits", r"\b\d+ credits?\b|\b(no|zero) credits\b")
desk.kept_to("u-9999")
desk.paid_nothing_back()
desk.kept_the_case()
desk.close()
