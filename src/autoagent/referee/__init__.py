"""The rules, in order of play.

`referee` reads top to bottom: what each call may do, and when. `climb` is the one that is played;
`moves` says which call comes next, in a status and in a refusal.
Before the first evaluation: `starting` freezes everything, and `proving` has each task proved, by
what `validation` asks. A candidate: `candidates` checks and stores it, `passages` finds what it
copied, `evaluations` says what is measured next, `measuring` follows that, `reading` looks things
up, `budget` says whether it may start. At the end: `certifying` and `ablation` measure what the
climb brought, and `worth` says it.
`views` is what others are shown, and `shown` leaves it for a client's hooks; `onlooker` reads where
another process referees.
"""
