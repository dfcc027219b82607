# make                the library and the command zmd, in target/release
# make demo           queries a stand-in for Zoho on this machine with the command
# make test           the tests of library, C interface, stand-in, command, header and documentation
# make test-packages  packages and other people's tools; test-hosts, test-targets, test-engines: languages, processors, engines
# make lint           formatting, clippy, documentation, licenses and sources of the dependencies
# make install        library, headers, zmd.pc, CMake package, command, manual pages: prefix, libdir, DESTDIR as usual;
#                     make uninstall removes them
# make deb            Debian packages, in target/deb
# make dist           archives and packages for all targets, in target/dist: see packaging/README.md; make test-dist tests them
# make docs           the lists of settings and errors, and what commands print, in the documentation
# make bench          libzmd beside libcurl, requests and others
#
# Everything else is a script, listed in CONTRIBUTING.md: `make NAME` runs scripts/NAME.
CARGO ?= cargo
PYTHON ?= python3
TARGET := $(or $(CARGO_TARGET_DIR),target)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# What is installed: the directory of the libraries and the command, and the system that they are for.
RELEASE := $(TARGET)/release
SYSTEM := $(shell uname -s)
# What programs link, what they load, and the file itself.
major := $(firstword $(subst ., ,$(VERSION)))
names := $(if $(filter Darwin,$(SYSTEM)),libzmd.dylib libzmd.$(major).dylib libzmd.$(VERSION).dylib,libzmd.so libzmd.so.$(major) \
	libzmd.so.$(VERSION))
LIBRARY := $(word 1,$(names))
SONAME := $(word 2,$(names))
FILE := $(word 3,$(names))
# A command zmd that runs here: it writes manual pages and completions.
ZMD := $(RELEASE)/zmd
STATIC_LIBRARIES = $(shell scripts/static-libraries)
# What ships has no path of this machine in it.
BUILD := cross/pathless $(CARGO) build --release --locked
export CARGO PYTHON

prefix ?= $(or $(PREFIX),/usr/local)
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
bashdir ?= $(datadir)/bash-completion/completions
zshdir ?= $(datadir)/zsh/site-functions
fishdir ?= $(datadir)/fish/vendor_completions.d

# One after the other: together, cargo would compile the library with what only the command needs.
all: cargo
	$(BUILD) -p zmd
	$(BUILD) -p zmd-cli

cargo:
	@command -v $(firstword $(CARGO)) >/dev/null || { echo "$(firstword $(CARGO)) is not on the PATH, which sudo may have changed: install Rust," \
		"or set CARGO=/path/to/cargo" >&2; exit 1; }

demo: cargo
	$(CARGO) build -p zmd-cli -p zmd-sim
	tests/demo.sh $(TARGET)/debug/zmd-sim $(TARGET)/debug/zmd

test test-packages test-hosts test-targets test-engines test-dist: cargo
	scripts/test $@

lint: cargo
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "make lint needs cargo-deny: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --workspace check --hide-inclusion-graph licenses bans sources

# What make has built: another user (sudo) has another cargo, which would compile it anew.
to = $(DESTDIR)$(1)
install: $(if $(wildcard $(RELEASE)/zmd),,all)
	install -d $(foreach d,$(bindir) $(libdir)/pkgconfig $(includedir) $(datadir)/cmake/zmd $(datadir)/doc/zmd $(mandir)/man3 \
		$(bashdir) $(zshdir) $(fishdir),$(call to,$(d)))
	install -m 755 $(RELEASE)/$(LIBRARY) $(call to,$(libdir)/$(FILE))
	ln -sf $(FILE) $(call to,$(libdir)/$(SONAME))
	ln -sf $(FILE) $(call to,$(libdir)/$(LIBRARY))
	install -m 644 $(RELEASE)/libzmd.a $(call to,$(libdir))
	install -m 644 include/zmd.h bindings/cpp/zmd.hpp $(call to,$(includedir))
	install -m 644 bindings/cmake/*.cmake $(call to,$(datadir)/cmake/zmd)
	install -m 644 LICENSE-* THIRD-PARTY-LICENSES sbom/libzmd.cdx.json sbom/zmd.cdx.json $(call to,$(datadir)/doc/zmd)
	sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(patsubst $(prefix)/%,$${prefix}/%,$(libdir))|' -e 's|@version@|$(VERSION)|' \
		-e 's|@includedir@|$(patsubst $(prefix)/%,$${prefix}/%,$(includedir))|' -e 's|@static@|$(STATIC_LIBRARIES)|' \
		packaging/zmd.pc.in >$(call to,$(libdir)/pkgconfig/zmd.pc)
	install -m 755 $(RELEASE)/zmd $(call to,$(bindir))
	install -m 644 doc/zmd.3 $(call to,$(mandir)/man3)
	for name in $$(sed -n 's/^[a-z].*[ *]\(zmd_[a-z_]*\)(.*/\1/p' include/zmd.h); do \
		echo .so man3/zmd.3 >$(call to,$(mandir)/man3)/$$name.3; done
	$(ZMD) man $(call to,$(mandir))
	$(ZMD) completions bash >$(call to,$(bashdir)/zmd)
	$(ZMD) completions zsh >$(call to,$(zshdir)/_zmd)
	$(ZMD) completions fish >$(call to,$(fishdir)/zmd.fish)

uninstall:
	rm -f $(foreach f,$(libdir)/libzmd.so* $(libdir)/libzmd*.dylib $(libdir)/libzmd.a $(libdir)/pkgconfig/zmd.pc \
		$(includedir)/zmd.h $(includedir)/zmd.hpp $(bindir)/zmd $(mandir)/man1/zmd.1 $(mandir)/man1/zmd-*.1 \
		$(mandir)/man3/zmd.3 $(mandir)/man3/zmd_*.3 $(mandir)/man5/zmd-settings.5 $(bashdir)/zmd $(zshdir)/_zmd \
		$(fishdir)/zmd.fish,$(call to,$(f)))
	rm -rf $(call to,$(datadir)/cmake/zmd) $(call to,$(datadir)/doc/zmd)

deb:
	dh_clean
	rm -rf $(TARGET)/deb
	mkdir -p $(TARGET)/deb
	DEB_BUILD_OPTIONS=noautodbgsym debian/rules binary DEBS=$(abspath $(TARGET)/deb)
	dh_clean

# The sources of the header are among what is written.
docs: cargo
	ZMD_WRITE_DOCS=1 $(CARGO) test -p zmd-tests --test repository docs::
	$(CARGO) build -p zmd

bench: all
	scripts/bench

clean:
	$(CARGO) clean

SCRIPTS := $(filter-out test bench static-libraries,$(notdir $(wildcard scripts/*)))
$(SCRIPTS): cargo
	scripts/$@

.PHONY: all cargo demo test test-packages test-hosts test-targets test-engines test-dist lint install uninstall deb docs bench clean $(SCRIPTS)
