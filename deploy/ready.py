"""``python deploy/ready.py PORT``: exit 0 if the service on this machine is ready, else 1 and why."""

import sys
from urllib.error import HTTPError
from urllib.request import urlopen

_SECONDS = 5


def main(port: int) -> int:
    """Ask /readyz; returns the exit code."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=_SECONDS):
            return 0
    except HTTPError as error:
        print(error.read().decode(errors="replace"))
    except OSError as error:
        print(error)
    return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
