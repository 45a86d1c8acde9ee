"""Starts one program, waits for it and writes to the file descriptor named first what it took, as JSON.

Run as a small process of its own: the peak that wait4 tells of a child is at least that of the process which
started it, and a script that has just sorted a million rows is large. It is also where the password's argon2
(64 MiB, in the first moments of a verb) is told from the work: for what lasts longer than two seconds the peak
is taken once over all and once from then on.
"""

import json
import os
import sys
import time

FIRST = 2.0


def high_water(pid):
    """Most resident KiB so far, and starts counting anew; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/status") as status:
            kib = next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
        with open(f"/proc/{pid}/clear_refs", "w") as clear:
            clear.write("5")
        return kib
    except OSError:
        return 0


def main():
    told, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(told, False)
    started = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    before, ended = 0, 0
    # Asked for rarely: a wait of 5 ms at the most is added to what ends within the first two seconds.
    while not ended and time.monotonic() - started < FIRST:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if not ended:
            time.sleep(0.005)
    if not ended:
        before = high_water(pid)
        _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - started
    later = usage.ru_maxrss if before else None
    answer = {"seconds": seconds, "peak_kib": max(before, usage.ru_maxrss), "later_kib": later, "code": os.waitstatus_to_exitcode(status)}
    os.write(told, json.dumps(answer).encode())


if __name__ == "__main__":
    main()
