# shellcheck shell=sh
# For packers: `. packaging/stage.sh`.

# stage TARGET DIRECTORY PREFIX LIBDIR: what `make install` installs for a target, below a directory.
stage() {
    case $1 in
        *apple*) system=Darwin static="-framework Security -framework CoreFoundation -liconv" ;;
        *musl) system=Linux static= ;;
        # What rustc --print native-static-libs says, without what a C compiler adds by itself.
        *) system=Linux static="-lutil -lrt -lpthread -lm -ldl -lc" ;;
    esac
    # Another make may have started this one.
    env -u MAKEFLAGS -u MAKELEVEL make -s install RELEASE="$NATIVE/$1" ZMD="$ZMD" SYSTEM=$system STATIC_LIBRARIES="$static" \
        DESTDIR="$2" prefix="$3" libdir="$4"
    find "$2" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

# archive DIRECTORY NAME [AS]: DIST/NAME.tar.gz of DIRECTORY/NAME, or AS.tar.gz; the same bytes for the same files.
archive() {
    packed=$DIST/${3:-$2}.tar
    tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode=u+rwX,go+rX,go-w --format=gnu -cf "$packed" "$2"
    gzip -9nf "$packed"
}

# What files for users call a target: linux-x86_64.
name_of() {
    case $1 in
        *-linux-musl) echo "linux-${1%%-*}-musl" ;;
        powerpc64le-*) echo linux-ppc64le ;;
        *-linux-*) echo "linux-${1%%-*}" ;;
        aarch64-apple-*) echo macos-arm64 ;;
        *-apple-*) echo "macos-${1%%-*}" ;;
    esac
}
