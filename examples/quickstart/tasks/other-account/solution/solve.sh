#!/bin/bash
set -eu
/app/lumen order o-5109
/app/lumen policy accounts
/app/lumen reply u-1008 --outcome refused --reason other-account --paid-back 0.00 --text "That order was made from a different account. She can ask us herself."
