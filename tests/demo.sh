#!/bin/sh
# Asks a stand-in for Zoho on this machine how far two jobs are: demo.sh ZMD_SIM ZMD
set -eu
sim=$1
zmd=$2

# Runs the command as a user would, and shows it with its exit status.
ask() {
    echo "\$ zmd $*"
    exit_status=0
    "$zmd" "$@" || exit_status=$?
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
echo "A stand-in for Zoho CRM is at $ZMD_API_DOMAIN. zmd asks it:"
echo
ask status Leads 1001
ask status Leads 1002
ask status --json Leads 1002
ask status Leads 4711

echo "It waits for jobs as well, with as few questions as it takes:"
echo
ask wait Leads:1003 Leads:1001
cat <<END
Exit status 0 means that the records are gone, 1 that the job failed or left some, 2 that it is not finished, 3 an error.
The real service is asked like this:

    $zmd login                   # asks for credentials, tries them and keeps them
    $zmd wait MODULE JOB_ID
END
