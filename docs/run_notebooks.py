"""Run the tutorials, or those that are named, and save them with what they print and draw."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

TUTORIALS = Path(__file__).parent / "tutorials"

if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # figures are outputs
    for path in map(Path, sys.argv[1:] or sorted(TUTORIALS.glob("*.ipynb"))):
        notebook = nbformat.read(path, as_version=4)
        # When and where it ran changes each time and tells nobody anything.
        client = NotebookClient(notebook, record_timing=False, kernel_name="python3")
        client.execute(cwd=str(TUTORIALS))
        notebook.metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "pygments_lexer": "python"},
        }
        nbformat.write(notebook, path)
        print(path.name)
