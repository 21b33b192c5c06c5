"""`python3 run.py demo`, `python3 run.py tests`: set up all that is needed, then do the job.

Makes the virtual environment .venv beside this file, installs nox into it and runs the nox session
of that name; nox makes an environment for each session. Needs Python 3.11 or later.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
SESSIONS = ("demo", "tests", "bench", "pages")
PYTHON = HOME / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def main() -> int:
    """Run the session named on the command line; returns its exit code."""
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    session, *arguments = sys.argv[1:] or ["--help"]
    if session not in SESSIONS:
        print(__doc__.strip())
        print(f"\nSessions: {', '.join(SESSIONS)}. What follows the name is passed on to it.")
        return 0 if session in ("-h", "--help") else 2
    if not PYTHON.exists():
        print(f"Setting up {HOME} (once)", flush=True)
        try:
            venv.create(HOME, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(HOME, ignore_errors=True)
            print(
                f"The virtual environment could not be made ({error}); on Debian and Ubuntu "
                "install the package python3-venv.",
                file=sys.stderr,
            )
            return 1
    try:
        if subprocess.run([PYTHON, "-c", "import nox"], capture_output=True).returncode != 0:
            subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "nox>=2024.4"], check=True)
    except subprocess.CalledProcessError:
        print("nox could not be installed; check the network and try again.", file=sys.stderr)
        return 1
    command = [PYTHON, "-m", "nox", "--session", session]
    if arguments:
        command += ["--", *arguments]
    return subprocess.run(command, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
