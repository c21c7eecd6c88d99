"""Gates decide a candidate. Everything in this room is pure: no I/O, no clock."""
