"""Libraries that the page brings along are the published files."""

from hashlib import sha512
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "services" / "board" / "static" / "vendor"


def test_each_library_is_the_file_its_sum_says() -> None:
    folders = [path for path in VENDOR.iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        assert (folder / "LICENSE").is_file()
        assert (folder / "README.md").is_file()
        lines = (folder / "SHA512").read_text().splitlines()
        summed = {name: digest for digest, name in (line.split() for line in lines)}
        assert set(summed) == {path.name for path in folder.glob("*.js")}
        for name, digest in summed.items():
            assert sha512((folder / name).read_bytes()).hexdigest() == digest
