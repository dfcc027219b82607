#!/bin/sh
# Installs zmd for one user or for all; it needs no root where the directory is yours.
#
#     ./install.sh                      into ~/.local
#     ./install.sh /opt/zmd
#     ./install.sh --uninstall /opt/zmd
set -eu

uninstall=
if [ "${1-}" = --uninstall ]; then
    uninstall=yes
    shift
fi
case ${1-} in
    -*)
        sed -n 's/^# \{0,1\}//p' "$0" | sed 1d
        exit 2
        ;;
esac
[ $# -gt 0 ] || [ -n "${HOME-}" ] || { echo "install.sh: HOME is not set: name a directory" >&2; exit 2; }
prefix=${1:-$HOME/.local}
case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
esac
cd "$(dirname "$0")"

find bin include lib share ! -type d | while IFS= read -r file; do
    to=$prefix/$file
    if [ -n "$uninstall" ]; then
        rm -f "$to"
        continue
    fi
    mkdir -p "${to%/*}"
    # Programs that run have the old file open: it is replaced, and not written to.
    cp -P "$file" "$to.new"
    mv -f "$to.new" "$to"
done
if [ -n "$uninstall" ]; then
    # What only zmd has used.
    for directory in share/cmake/zmd share/doc/zmd; do
        rmdir "$prefix/$directory" 2>/dev/null || true
    done
    echo "zmd is removed from $prefix"
    exit
fi

echo "zmd is installed in $prefix"
case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) echo "To run zmd:            export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
echo "To compile with it:    export PKG_CONFIG_PATH=\"$prefix/lib/pkgconfig\""
case $(uname -s) in
    Darwin) echo "To load it:            export DYLD_LIBRARY_PATH=\"$prefix/lib\"" ;;
    *) echo "To load it:            export LD_LIBRARY_PATH=\"$prefix/lib\"" ;;
esac
