"""What Bridle costs a process of Airflow's: `python benchmarks/imports.py [runs]`.

Every figure is CPU time of a fresh interpreter in which Airflow is imported already, so that it is what
Bridle adds: loading the plugin as each task process does, importing all public names as a task of Bridle's
does, and parsing each DAG file. The machine's own noise is taken out by the median.
"""

import statistics
import subprocess
import sys
from pathlib import Path

DAGS = sorted(Path(__file__).parents[1].glob("dags/*.py"))
PLUGIN_AIM_S = 0.3
PARSE_AIM_S = 1.0

_CLOCK = "import time\nbegin = time.process_time()\n{}\nprint(time.process_time() - begin)\n"

AIRFLOW = """
import airflow.sdk
import airflow.sdk.execution_time.task_runner
import airflow.plugins_manager
import airflow.providers.standard.operators.hitl
from importlib.metadata import entry_points
"""
# Airflow's import has read our provider info for its configuration: forgotten again, it is counted as ours
PLUGIN = """
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "bridle"]:
    del sys.modules[name]
import bridle
[point.load() for group in ("airflow.plugins", "apache_airflow_provider")
 for point in entry_points(group=group) if point.value.startswith("bridle.")]
"""
NAMES = "from bridle import *"
PARSE = """
import runpy
runpy.run_path({path!r})
"""


def cpu_seconds(code: str, runs: int) -> float:
    """Median CPU seconds of `code` in `runs` fresh interpreters with Airflow imported."""
    program = AIRFLOW + _CLOCK.format(code)
    found = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        found.append(float(done.stdout.splitlines()[-1]))
    return statistics.median(found)


def airflow_seconds(runs: int) -> float:
    """Median CPU seconds of importing what every task process imports of Airflow."""
    return statistics.median(
        float(
            subprocess.run(
                [sys.executable, "-c", _CLOCK.format(AIRFLOW)], capture_output=True, text=True, check=True
            ).stdout.splitlines()[-1]
        )
        for _ in range(runs)
    )


def report(name: str, seconds: float, aim: float | None, airflow: float) -> bool:
    """Print one line; False when the aim was missed."""
    fine = aim is None or seconds < aim
    wanted = "" if aim is None else f"  aim < {aim:g} s {'met' if fine else 'MISSED'}"
    print(f"{name:<34} {seconds:7.3f} CPU s  {seconds / airflow:6.1%} of Airflow's import{wanted}")
    return fine


def main(runs: int = 5) -> int:
    """Measure and print; 1 when an aim was missed."""
    airflow = airflow_seconds(runs)
    print(f"Airflow's own import: {airflow:.3f} CPU s (median of {runs})")
    fine = [
        report("loading the plugin", cpu_seconds(PLUGIN, runs), PLUGIN_AIM_S, airflow),
        report("importing every public name", cpu_seconds(NAMES, runs), None, airflow),
    ]
    for dag in DAGS:
        seconds = cpu_seconds(PARSE.format(path=str(dag)), runs)
        fine.append(report(f"parsing dags/{dag.name}", seconds, PARSE_AIM_S, airflow))
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
