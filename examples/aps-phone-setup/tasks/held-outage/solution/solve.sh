#!/bin/bash
set -eu
/app/aps diagnose l-5013
/app/aps rule settings
/app/aps reply c-2013 --outcome answered --reason outage --until 18:00 --next wait \
  --text "Hello Miro, a mast near you is out of order, and no setting helps against that. It should be repaired by 18:00
today. You need not change anything; if it is still dead after that, write again."
