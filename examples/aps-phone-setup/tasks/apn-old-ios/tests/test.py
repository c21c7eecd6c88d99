"""iOS 16 says Mobile Data where 17 says Cellular; Vela wants a user and a password."""

from check import Desk

desk = Desk("aps")
desk.says("the APN", r"web\.vela\.aps")
desk.says("user and password", r"(user\w*|password)\W[^.]*\baps\b")
desk.says("the menu", r"mobile data\W+mobile data network")
desk.never_says("a newer version's menu", r"cellular")
desk.changed()
desk.close()
