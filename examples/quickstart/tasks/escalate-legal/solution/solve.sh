#!/bin/bash
set -eu
/app/lumen policy handover
ticket=$(/app/lumen escalate legal 'wedding photos lost, lawyer mentioned' | grep -o 'T-[0-9]*')
/app/lumen reply u-1010 --outcome handed-over --ticket $ticket --text "I am very sorry. Colleagues will get in touch; your number is $ticket."
