"""The balance shows 40, but the credits expired: the date, and a way to new ones."""

from check import Desk

desk = Desk("glowup")
desk.says(
    "that the credits are gone",
    r"expired|lapsed|no longer|can't be (used|spent)|cannot be (used|spent)",
)
desk.says_date("when", "2026-02-28")
desk.says("a way to new ones", r"\bbuy|\bnew (pack|credits)|purchas|top up|\bplus\b|\bpacks?\b")
desk.kept_to("u-3002")
desk.changed()
desk.close()
