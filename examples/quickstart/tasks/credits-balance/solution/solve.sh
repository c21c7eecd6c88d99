#!/bin/bash
set -eu
/app/lumen credits u-1001
/app/lumen reply u-1001 --outcome answered --credits 42 --uses enhance --text "There are 42 credits on your account. Enough to enhance 21 photos!"
