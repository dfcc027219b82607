#!/bin/sh
# Queries a stand-in for Zoho on this machine with the command zmd: demo.sh ZMD_SIM ZMD
set -eu
sim=$1
zmd=$2

# Runs the command as a user would, and shows it with its exit status.
show() {
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
echo "A stand-in for Zoho CRM is at $ZMD_API_DOMAIN. zmd queries it:"
echo
show status Leads 1001
show status Leads 1002
show status --json Leads 1002
show status Leads 4711

echo "It waits for jobs too, with few polls:"
echo
show wait Leads:1003 Leads:1001
cat <<END
The exit status is 0 if every record is deleted, 1 if the job failed or left records, 2 if it is not finished, 3 after a transient
error, 4 after one that needs a person.
To query the real service:

    $zmd login                   # asks for credentials, tries them and saves them
    $zmd wait MODULE JOB_ID
END
