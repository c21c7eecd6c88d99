#!/bin/bash
set -eu
/app/lumen search upscale
/app/lumen reply u-1003 --outcome answered --price 4 --text "It takes 4 credits."
