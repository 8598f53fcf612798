# One command per need; `make help` lists them. Needed: rustup, a C compiler, make, git. Everything else is installed into
# target/.

# The caller's environment must not change the result.
export CARGO_TARGET_DIR := $(CURDIR)/target
export PATH := $(CURDIR)/target/venv/bin:$(CURDIR)/target/tools/bin:$(PATH):$(HOME)/.cargo/bin
export PYTHONDONTWRITEBYTECODE := 1
unexport RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS PYTHONPATH PYTHONHOME MAKEFLAGS

SHELL := bash
LAPICQUE := target/release/lapicque
CHECK := target/check
# Each step of `make check` that succeeds adds its name to the file `passed`; the tests write tests.log.
PASSED = @mkdir -p $(CHECK) && echo $@ >> $(CHECK)/passed
# call SHORT,DURATION: options of a short run that replaces the file of an earlier check
SHORT = --duration "$1" --set record.from="0 ms" --force --quiet

EXAMPLES := $(patsubst examples/%.rs,example-%,$(sort $(wildcard examples/*.rs)))
CONFIGS := $(patsubst configs/%.toml,config-%,$(sort $(wildcard configs/*.toml)))
RELEASED := all_to_all brunel_ai cuba eif_ei inhibitory_oscillation microcircuit_tenth
STEPS := format clippy test doc $(EXAMPLES) $(CONFIGS) released readers instructions

.NOTPARALLEL:
.PHONY: help demo build test check setup clean format clippy doc released readers instructions
.PHONY: instructions-baseline
.PHONY: $(EXAMPLES) $(CONFIGS)

help:
	@echo 'make demo      build, and run configs/inhibitory_oscillation.toml into out/'
	@echo 'make build     target/release/lapicque'
	@echo 'make test      all tests, optimised and with overflow checks; lists the slowest ten'
	@echo 'make check     all that CI runs: format, clippy, tests, docs, examples, configurations, the released'
	@echo '               program against the tested one, Python readers, counts'
	@echo 'make readers   only the Python readers, on a fresh output'
	@echo 'make instructions           count the instructions of the kernels under valgrind and compare'
	@echo 'make instructions-baseline  the same, and take the counts as the new figures to compare with'
	@echo 'make setup     install what the build lacks (cmake), and nothing else'
	@echo 'make clean     remove target/ and with it everything that setup installed'
	@echo 'single steps of check:' $(STEPS)

demo: build
	$(LAPICQUE) run configs/inhibitory_oscillation.toml --out out/inhibitory_oscillation.h5
	@echo 'The spikes, the activity and ten traces are in out/inhibitory_oscillation.h5'

setup:
	@bash tests/setup.sh build

build: setup
	cargo build --release --locked

# The time of each test is an unstable option of the test harness, allowed for the test programs alone.
TIMES := --config 'target."cfg(all())".runner = ["env", "RUSTC_BOOTSTRAP=1"]'
test: setup
	@mkdir -p $(CHECK) && rm -f $(CHECK)/tests.log
	set -o pipefail; { \
	    cargo test --workspace --lib --bins --tests --locked --no-fail-fast $(TIMES) -- -Z unstable-options --report-time && \
	    cargo test --workspace --doc --locked --no-fail-fast; \
	} 2>&1 | tee $(CHECK)/tests.log
	@echo 'The slowest ten, in seconds of wall time:'
	@sed -n 's/^test \([^ ]*\) .*<\([0-9.]*\)s>$$/\2 \1/p' $(CHECK)/tests.log | sort -rn | head -n 10
	$(PASSED)

# The program as released gives the bits of the program that was tested.
released: build
	cargo build --locked
	for config in $(RELEASED); do \
	    for program in debug release; do \
	        target/$$program/lapicque run configs/$$config.toml $(call SHORT,200 ms) --out $(CHECK)/$$program.h5 || exit 1; \
	    done; \
	    $(LAPICQUE) diff $(CHECK)/debug.h5 $(CHECK)/release.h5 || exit 1; \
	done
	$(PASSED)

# Every step runs, even after one that failed. The last line counts tests and steps together.
check:
	@rm -rf $(CHECK) && mkdir -p $(CHECK) && touch $(CHECK)/passed $(CHECK)/tests.log
	@$(MAKE) --no-print-directory --keep-going $(STEPS) || true
	@echo; for step in $(STEPS); do \
	    grep -qx "$$step" $(CHECK)/passed && echo "ok      $$step" || echo "FAILED  $$step"; \
	done | tee $(CHECK)/steps
	@awk '/test result:/ { \
	        for (i = 2; i <= NF; i++) { \
	            if ($$i ~ /^passed/) passed += $$(i - 1); if ($$i ~ /^failed/) failed += $$(i - 1) } } \
	    $$1 == "ok" { passed++ } $$1 == "FAILED" { failed++ } \
	    END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' $(CHECK)/tests.log $(CHECK)/steps

format:
	cargo fmt --all --check
	$(PASSED)

clippy: setup
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(PASSED)

doc: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$(PASSED)

$(EXAMPLES): example-%: setup
	cargo run --release --locked --example $*
	$(PASSED)

$(filter-out config-microcircuit,$(CONFIGS)): config-%: build
	@mkdir -p $(CHECK)
	$(LAPICQUE) run configs/$*.toml $(call SHORT,20 ms) --out $(CHECK)/$*.h5
	$(PASSED)

# 299 million synapses: built only where there is enough free memory.
config-microcircuit: build
	@mkdir -p $(CHECK)
	$(LAPICQUE) check configs/microcircuit.toml
	if awk '/^MemAvailable:/ { exit !($$2 > 8e6) }' /proc/meminfo; then \
	    $(LAPICQUE) run configs/microcircuit.toml $(call SHORT,20 ms) --out $(CHECK)/microcircuit.h5; \
	else echo 'microcircuit: less than 8 GB of free memory, not run'; fi
	$(PASSED)

readers: build
	@mkdir -p $(CHECK)
	bash tests/setup.sh readers
	$(LAPICQUE) run configs/inhibitory_oscillation.toml $(call SHORT,200 ms) --out $(CHECK)/readers.h5
	$(LAPICQUE) export sonata-report $(CHECK)/readers.h5 --out $(CHECK)/report.h5 --force
	target/venv/bin/python tests/python/readers.py $(CHECK)/readers.h5 $(CHECK)/report.h5
	target/venv/bin/python examples/python/read_spikes.py $(CHECK)/readers.h5
	$(PASSED)

# Instruction counts show a regression that the noise of timings would hide. The script has the tolerance.
instructions: setup
	bash tests/setup.sh instructions
	python3 benches/instructions.py
	$(PASSED)

instructions-baseline: setup
	bash tests/setup.sh instructions
	python3 benches/instructions.py --write

clean:
	rm -rf target
