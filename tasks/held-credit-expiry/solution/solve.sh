#!/bin/bash
set -eu
/app/glowup credits u-3024
/app/glowup article a-102
/app/glowup reply u-3024 --outcome answered --credits 22 --until 2026-05-31 --text "Hello Felix, you have 22 credits and can spend them until 31 May 2026."
