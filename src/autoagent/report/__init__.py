"""The morning after: what a human reads of a climb, in the terminal and on one page.

Everything is read from the journal and the store, and nothing is written into either. Who wants to
know what a number means reads, in this order: `played` (a climb's facts, gathered from its events),
`story` (what of them a human is told), `diffs` (what a kept edit changed), `charts` (the pictures)
and `page` (the file that holds it all). Whatever a candidate or a meta-agent wrote is text here,
never markup.
"""
