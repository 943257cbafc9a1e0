"""Large blocks of memory go back to the system when they are freed."""

import platform
import subprocess
import sys

import pytest

_LOOK = """
import ctypes, sys
from services.platform.memory import map_large_blocks
if sys.argv[1] == "map":
    map_large_blocks()
del (block := bytearray(24 << 20))[:]
block = ctypes.create_string_buffer(20 << 20)
place = ctypes.addressof(block)
[heap] = [line for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]")]
begin, end = (int(one, 16) for one in heap.split()[0].split("-"))
print(begin <= place < end)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps such blocks")
@pytest.mark.parametrize(("how", "kept"), [("map", "False"), ("leave", "True")])
def test_a_block_after_a_larger_one_that_was_freed_is_not_in_the_heap(how: str, kept: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _LOOK, how], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == kept
