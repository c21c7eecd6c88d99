"""A reset, once; the PIN comes as a text, and is not told here."""

from check import Desk

desk = Desk("aps")
desk.changed(("reset-pin", "l-5011"))
desk.says("how it comes", r"\btext\b|\bsms\b|message")
desk.never_says("a PIN", r"\bpin (is|:) ?\d{4}")
desk.close()
