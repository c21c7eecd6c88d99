"""The morning after: what a human reads of a climb, in the terminal and on one page.

Everything is read from the journal and the store, and nothing is written into either. Who wants to
know what a number means reads, in this order: `played` (a climb's facts, gathered from its events,
and of half a million trials `glimpses`), `results` (how each task went), `causes` (why tasks fail),
`costs`, `forecast` (what a night would cost), `incidents`, `story` (what of them a human is told),
`candidate` (the same of one candidate), `diffs` (what an edit changed), `charts` (the pictures),
`drawing` (who draws them), `page` (the file that holds it all) and `live` (the page as it changes).
`page.html` is its template; of the two scripts, `live.js` is in a page that is served and
`framed.js` in one that a client shows. Whatever a candidate or a meta-agent wrote is text here,
never markup.
"""
