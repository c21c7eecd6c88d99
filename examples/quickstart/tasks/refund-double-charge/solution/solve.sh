#!/bin/bash
set -eu
/app/lumen orders u-1007
/app/lumen policy refunds
/app/lumen refund o-5108 7.99
/app/lumen reply u-1007 --outcome done --paid-back 7.99 --text "You are right, and I am sorry. The second payment of 7.99 is returned."
