import re
import subprocess
import sys


def test_the_second_build_waits_and_says_for_whom(tmp_path):
    program = "import sys, time; from pathlib import Path; from codegen.build_state import lock; lock.hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"

    def build():
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", program, tmp_path], stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    with build() as first:
        assert first.stdout.readline() == "held\n"
        with build() as second:
            assert re.fullmatch(rf"waiting: process {first.pid} is building in .+\n", second.stderr.readline())
            first.kill()  # the operating system lets go of its lock
            assert second.stdout.readline() == "held\n"
            second.stdin.close()
        first.stdin.close()
