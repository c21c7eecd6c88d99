#!/bin/bash
set -eu
/app/lumen reply u-1013 --outcome asked --ask problem --text "I am sorry to hear that. What were you trying to do, and what did you see?"
