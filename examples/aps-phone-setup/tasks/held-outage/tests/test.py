"""A mast is out until 18:00: nothing is sent, no ticket is opened, and the answer says so."""

from check import Desk

desk = Desk("aps")
desk.looked_up("diagnose", "l-5013")
desk.changed()
desk.says("until when", r"18[:.]00|\b18 o'clock|\b6(:00)? ?(pm|p\.m\.|in the evening)")
desk.says("that no setting helps", r"\bno\b|\bnot\b|n't\b|nothing")
desk.close()
