"""Portrait costs 3 and there are 2: nothing is run, not a cheaper preset either."""

from check import Desk

desk = Desk("glowup")
desk.changed()
desk.says("the price", r"\b(3|three)\b")
desk.says("what is there", r"\b(2|two)\b")
desk.says("a way on", r"\bbuy|purchas|\bpacks?\b|\bplus\b|top(ping)? up|(add|get|more) credits")
desk.never_says("that it was run", r"(i've|i have|has been) (now )?(run|applied|enhanced)")
desk.close()
