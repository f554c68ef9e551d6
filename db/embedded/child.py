"""Become a server process: give up root, arrange to end with the parent, then exec.

Runs as a script in a fresh interpreter (``launcher`` starts it) instead of as a ``preexec_fn``: Python code
between fork and exec can deadlock in a process with threads, and newer versions of Python warn about it.

Arguments: pid of the parent, uid, gid, program, arguments of the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    # Python catches the first, and forgets it when exec comes in between; it ignores the others, for ever.
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    parent, uid, gid = (int(argument) for argument in sys.argv[1:4])
    program = sys.argv[4:]
    if os.geteuid() != uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    if sys.platform == "linux":
        # Only now: the kernel forgets the wish when the user changes. SIGINT ends both servers in order.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            sys.exit("the parent ended first")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
