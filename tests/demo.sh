#!/bin/sh
# Asks a stand-in for Zoho on this machine how far two jobs are: demo.sh ZMD_SIM ZMD_STATUS
set -eu
sim=$1
zmd_status=$2

# Runs the tool as a user would, shows the command and what came of it.
ask() {
    echo "\$ zmd-status $*"
    exit_status=0
    "$zmd_status" "$@" || exit_status=$?
    echo "(exit status $exit_status)"
    echo
}

log=$(mktemp)
"$sim" --token demo-token --job Leads:1001:9:inf --job Leads:1002:50000:40 --job Leads:1003:200:50 >"$log" &
trap 'kill $! 2>/dev/null; rm -f "$log"' EXIT
until grep -q listening "$log"; do
    kill -0 $! || exit 1
    sleep 0.1
done
ZMD_API_DOMAIN=$(sed 's/listening on //' "$log")
ZMD_ACCESS_TOKEN=demo-token
export ZMD_API_DOMAIN ZMD_ACCESS_TOKEN

echo
echo "A stand-in for Zoho CRM is at $ZMD_API_DOMAIN. zmd-status asks it through libzmd:"
echo
ask Leads 1001
ask Leads 1002
ask --json Leads 1002
ask Leads 4711

echo "It waits for jobs as well, with as few questions as it takes:"
echo
ask --wait Leads:1003 Leads:1001
cat <<END
Exit status 0 means completed, 1 failed, 2 still running, 3 an error. The real service is asked like this:

    export ZMD_ACCESS_TOKEN=1000.xxxx.yyyy    # with the scope ZohoCRM.mass_delete.READ
    export ZMD_DATA_CENTER=us                 # or eu, in, au, cn, jp, ca, sa, uk
    $zmd_status MODULE JOB_ID
END
