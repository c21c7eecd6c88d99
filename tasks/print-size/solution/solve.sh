#!/bin/bash
set -eu
/app/glowup credits u-3005
/app/glowup photo p-2004
/app/glowup article a-107
/app/glowup article a-101
/app/glowup reply u-3005 --outcome answered --preset upscale --cost 4 --missing 0 --credits 9 --text "Hello Jun, not as it is: A4 wants 3508 x 2480 pixels, and Harbour has 1800 x 1240. Upscale doubles both
sides to 3600 x 2480, which is enough. It costs 4 credits; you have 9, so 5 would be left."
