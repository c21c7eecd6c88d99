#!/bin/bash
set -eu
/app/glowup order o-7104
/app/glowup credits u-3011
/app/glowup article a-104
/app/glowup reply u-3011 --outcome refused --reason used --credits 64 --until 2027-03-09 --paid-back 0.00 --text "Hello Pierre, I am afraid I cannot pay this pack back: 36 of its credits have been used, and a pack is
paid back only while it is untouched. The 64 credits that are left stay yours until 9 March 2027."
