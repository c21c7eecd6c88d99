"""The rules, in order of play.

`referee` reads top to bottom: what each call may do, and when. `climb` is the one that is played;
`moves` says which call comes next, in a status and in a refusal. `opening/` is what happens before
the first evaluation. A candidate: `committing` has `candidates` check and store it, `passages`
finds what it copied, `evaluations` says what is measured next, `measuring` follows that, `passing`
looks at what passed, `budget` says whether it may start, `costs` what trials have cost, `efforts`
how hard their model may think. `ending/` measures what the climb brought. `telling/` changes
nothing: what is looked up, and what others are shown.
"""
