#!/bin/bash
set -eu

/app/glowup reply u-3014 --outcome asked --ask photo,problem --text "I am sorry that something does not work, and I would like to fix it. Which photo is it about, and what
did you see when you tried?"
