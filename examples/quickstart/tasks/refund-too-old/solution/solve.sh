#!/bin/bash
set -eu
/app/lumen order o-5105
/app/lumen policy refunds
/app/lumen reply u-1005 --outcome refused --reason too-late --paid-back 0.00 --text "I am afraid that is too late. We pay back for two weeks after a purchase."
