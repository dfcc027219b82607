# make        the library and zmd-status, in target/release
# make demo   asks a stand-in for Zoho on this machine how far two jobs are
# make test   everything that can be tested; ZMD_CI=1 makes a missing tool a failure
# make lint   formatting, clippy, documentation
CARGO ?= cargo
CFLAGS ?= -O2
TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release

all: $(RELEASE)/zmd-status

# cargo knows best what is to be built again.
$(RELEASE)/libzmd.so: FORCE
	$(CARGO) build --release --lib

$(RELEASE)/zmd-status: $(RELEASE)/libzmd.so bindings/c/zmd-status.c include/zmd.h
	ln -sf libzmd.so $(RELEASE)/libzmd.so.0
	$(CC) -std=c99 $(CFLAGS) -Iinclude bindings/c/zmd-status.c -L$(RELEASE) -lzmd -lpthread -Wl,-rpath,'$$ORIGIN' -o $@

demo: $(RELEASE)/zmd-status
	$(CARGO) build -p zmd-sim
	tests/demo.sh $(TARGET)/debug/zmd-sim $(RELEASE)/zmd-status

test:
	$(CARGO) test --workspace --no-fail-fast

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps

clean:
	$(CARGO) clean

FORCE:
.PHONY: all demo test lint clean FORCE
