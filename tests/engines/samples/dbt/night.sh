set -e
zmd wait --timeout 4h -f jobs.txt   # exit status 1: records are left; 2: not finished; 3: transient; 4: needs a person
dbt build
