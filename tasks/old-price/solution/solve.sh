#!/bin/bash
set -eu
/app/glowup search what does upscaling cost
/app/glowup article a-112
/app/glowup article a-101
/app/glowup reply u-3006 --outcome answered --cost 4 --credits 20 --text "Hello Eva, good that you ask: upscaling costs 4 credits a photo. Your friend remembers the price that
was valid until the end of 2025. Your 20 credits are enough for five photos, so you need not buy."
