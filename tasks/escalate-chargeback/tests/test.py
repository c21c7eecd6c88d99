"""A dispute is for billing: a ticket, and nothing is paid back beside it."""

from check import Desk

desk = Desk("glowup")
desk.handed_over("billing")
desk.never_says(
    "that it was paid back",
    r"(has|have) been (refunded|paid back)|(i've|i have) (refunded|paid back)",
)
desk.close()
