"""1800 x 1240 is too small for A4; doubled, 3600 x 2480 is enough, for 4 of the 9 credits."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("photo", "p-2004")
desk.says("that it is too small now", r"\bnot\b|n't\b|too small|\bno\b|below|less than")
desk.says("what to do", r"upscal")
desk.says("its price", r"\b(4|four) credits")
desk.says("that the credits cover it", r"\b(9|nine)\b|\b(5|five) (left|credits)|enough|cover")
desk.never_says(
    "a smaller print", r"(too small even|still (be )?too small|even (then|upscaled)[^.]*not)"
)
desk.changed()
desk.close()
