#!/bin/bash
set -eu
/app/glowup credits u-3001
/app/glowup search what credits buy
/app/glowup article a-101
/app/glowup reply u-3001 --outcome answered --credits 12 --until 2026-11-30 --preset restore,light --text "Hello Mara, you have 12 credits left, and you can spend them until 30 November 2026. That is enough to
restore two old photos (5 credits each), or to brighten twelve with the light preset (1 credit each)."
