"""What is looked up in a climb, and what others are shown; nothing here moves it.

`reading` is of trials, `comparing` of two evaluations, `diagnosis` of failures; `predictions` and
`plateau` are of candidates. `views` is what a client is told, `shown` leaves it for the client's
hooks, and `onlooker` reads where another process referees.
"""
