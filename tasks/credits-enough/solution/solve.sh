#!/bin/bash
set -eu
/app/glowup credits u-3003
/app/glowup article a-101
/app/glowup reply u-3003 --outcome answered --cost 35 --missing 3 --credits 32 --next buy-credits,use-credits --text "Hello Noor, not quite: restoring costs 5 credits a photo, so seven photos need 35 and you have 32. You
are 3 credits short. Six photos work today, and a pack of 100 credits costs 9.99."
