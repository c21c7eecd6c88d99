#!/bin/bash
set -eu
/app/lumen order o-5104
/app/lumen policy refunds
/app/lumen refund o-5104 9.99
/app/lumen reply u-1004 --outcome done --paid-back 9.99 --text "Done: 9.99 is on its way to you."
