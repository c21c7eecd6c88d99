#!/bin/bash
set -eu
/app/glowup order o-7101
/app/glowup article a-104
/app/glowup refund o-7101
/app/glowup reply u-3009 --outcome done --paid-back 9.99 --credits 8 --text "Hello Karl, of course: I have paid back the 9.99 of order o-7101, and its 100 credits are gone from your
account. The 8 credits you had before are still there."
