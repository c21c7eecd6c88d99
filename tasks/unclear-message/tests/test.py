"""One short question, and nothing is done on a guess."""

from check import Desk

desk = Desk("glowup")
desk.asks_back()
desk.changed()
desk.close()
