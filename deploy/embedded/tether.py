"""Run a program that ends when its parent ends.

    python tether.py PARENT_PID SIGNAL PROGRAM [ARGUMENT ...]

Standard library only and started by path: the program takes this process over, so its pid, its output and
its exit code are the program's own. A `preexec_fn` would do the same but may deadlock in a parent that has
threads. Linux only has the means (PR_SET_PDEATHSIG); elsewhere the program runs untethered.
"""

import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal_number, *program = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != int(parent):  # it ended before the tether was tied
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - the argument list is our own


if __name__ == "__main__":
    main()
