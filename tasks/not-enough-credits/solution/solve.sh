#!/bin/bash
set -eu
/app/glowup enhance p-2007 --preset portrait || true
/app/glowup credits u-3015
/app/glowup article a-113
/app/glowup reply u-3015 --outcome refused --reason too-few-credits --cost 3 --missing 1 --credits 2 --next buy-credits --text "Hello Zoe, I could not run it: portrait costs 3 credits and you have 2. A pack of 100 credits costs 9.99
under Settings, Credits, and is there at once. Write again when you have it and I will start right away."
