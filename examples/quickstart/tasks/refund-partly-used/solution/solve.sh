#!/bin/bash
set -eu
/app/lumen order o-5106
/app/lumen policy refunds
/app/lumen refund o-5106 15.00
/app/lumen reply u-1006 --outcome done --paid-back 15.00 --text "You had used a quarter of it, so 15.00 goes back to your card."
