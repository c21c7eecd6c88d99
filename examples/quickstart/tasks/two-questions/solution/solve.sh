#!/bin/bash
set -eu
/app/lumen credits u-1003
/app/lumen search restore
/app/lumen reply u-1003 --outcome answered --credits 17 --price 6 --uses restore --text "Your balance is 17. To restore a picture takes 6 credits."
