"""Runs a command and writes what it took to a file descriptor: ``python -I -S launch.py FD COMMAND…``.

A process counts the memory of whoever started it as its own peak until it is on its feet, so this one stays small.
"""

import os
import sys
import time


def _busy_s() -> float:
    """Seconds all processors were busy since boot."""
    with open("/proc/stat") as file:
        values = [int(field) for field in file.readline().split()[1:]]
    return (sum(values[:8]) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


def _main() -> None:
    report, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(report, False)
    busy, started = _busy_s(), time.perf_counter()
    _, status, usage = os.wait4(os.posix_spawnp(command[0], command, os.environ), 0)
    wall = time.perf_counter() - started
    figures = (wall, usage.ru_utime + usage.ru_stime, _busy_s() - busy, usage.ru_maxrss / 1024)
    os.write(report, " ".join(map(str, figures)).encode())
    sys.exit(abs(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    _main()
