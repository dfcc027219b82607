#!/bin/sh
# Boots a systemd in namespaces of its own, with these units alone besides the targets that it comes with. Run in a mount
# namespace of its own, by the superuser.
#
#   systemd.sh DIRECTORY CGROUP
#
# DIRECTORY/etc and DIRECTORY/bin are laid over /etc and /usr/bin, DIRECTORY is /run/test, and DIRECTORY/units has more units.
# CGROUP is the name of a new cgroup, in which everything runs.
set -e
directory=$1 cgroup=$2
mount --make-rprivate /
mkdir "$directory/cgroup"
mount -t cgroup2 none "$directory/cgroup"
mkdir "$directory/cgroup/$cgroup"
echo $$ >"$directory/cgroup/$cgroup/cgroup.procs"

cat >"$directory/boot" <<'END'
set -e
directory=$1
mount -t proc proc /proc
umount -R "$directory/cgroup"
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
mkdir /run/test /run/etc /run/etc-work /run/bin /run/bin-work
mount --bind "$directory" /run/test
cp -r /run/test/etc/. /run/etc
cp -r /run/test/bin/. /run/bin
mount -t overlay none -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work /etc
mount -t overlay none -o lowerdir=/usr/bin,upperdir=/run/bin,workdir=/run/bin-work /usr/bin
# The configuration is the test's to change.
mount --bind /run/test/etc/zmd /etc/zmd
mount -t tmpfs none /var/lib
# The last night was one that this machine was off in.
mkdir -p /var/lib/systemd/timers /run/targets
touch -d "3 days ago" /var/lib/systemd/timers/stamp-zmd-night.timer
cp /lib/systemd/system/*.target /run/targets
systemctl enable zmd-night.timer 2>/dev/null
# Credentials are mounted by a child of systemd's.
mount --make-rshared /
exec env -i container=zmd-test PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/test/units:/run/targets \
    /lib/systemd/systemd --system --unit=timers.target --log-target=null --show-status=false
END
exec unshare --pid --fork --kill-child --ipc --uts --cgroup sh "$directory/boot" "$directory"
