#!/bin/bash
set -eu
/app/glowup credits u-3002
/app/glowup article a-102
/app/glowup reply u-3002 --outcome answered --reason expired --credits 0 --until 2026-02-28 --next buy-credits --text "Hello Tom, I am sorry: your 40 credits expired on 28 February 2026 and can no longer be spent, so there
are none for tonight. A new pack under Settings, Credits is there at once: 100 credits for 9.99."
