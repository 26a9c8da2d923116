# make run     set up what is missing, start the demo service; LAN=1 for phones in your network
# make call    in a second terminal: a real call, no answer, a voice message; then what became of it
# make test    all tests; make check: style, types, import rules, behaviour without a test
# make torture  kills, hostile messages and wear for three quarters of an hour; ONLY=voicemail for one of them, SEED=1 to repeat a run
# make bench   what a call costs and how fast it is; ONLY="call delay" for some of it, QUICK=1 for a first look;
#              make bench-peers: the same of sippy and Kamailio beside it
# make setup   the set-up alone; make clean: away with everything that was made, but for data/

# Tests start hundreds of processes: without bytecode each would compile all of Ringplan first, for a second or two.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run setup call test torture bench bench-peers check clean

run:
	@./setup.sh run
	@exec .venv/bin/ringplan run --demo $(if $(LAN),--lan)

setup:
	@./setup.sh test

call:
	@./setup.sh call
	@exec .venv/bin/python -m scripts.make_call

# Most tests wait for sound or a timer, so two run on each core. Those that recognise what a phone hears need a quiet
# machine and say so: they run afterwards, one on each core. What a stall of the machine spoilt is run once more by
# itself, and a fault fails again.
AGAIN = --last-failed --last-failed-no-failures none
test:
	@./setup.sh test
	.venv/bin/pytest -n $$((2 * $$(nproc))) --dist worksteal -m "not quiet" || .venv/bin/pytest -m "not quiet" $(AGAIN)
	.venv/bin/pytest -n $$(nproc) --dist worksteal -m quiet || .venv/bin/pytest -m quiet $(AGAIN)

torture:
	@./setup.sh test
	$(if $(SEED),TORTURE_SEED=$(SEED) ).venv/bin/pytest -s tests/torture $(if $(ONLY),-k $(ONLY))
	$(if $(ONLY),,THOROUGH=10 .venv/bin/pytest -n $$(nproc) -m hypothesis)

bench:
	@./setup.sh bench
	.venv/bin/python -m tests.bench $(ONLY) $(if $(QUICK),--quick)

# Debian keeps Kamailio where only root's PATH leads.
setup test torture check bench-peers: export PATH := $(PATH):/usr/sbin
bench-peers:
	@./setup.sh bench-peers
	.venv/bin/python -m tests.bench --peers $(ONLY) $(if $(QUICK),--quick)

check:
	@./setup.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict --follow-imports silent b2bua config media provisioning scripts tests/bench
	.venv/bin/lint-imports
	.venv/bin/python -m tests.behaviour_ids

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
