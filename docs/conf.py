"""Configuration of Sphinx."""

import sys
from pathlib import Path

import rlsp_sb3

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "RLSP"
author = "The RLSP developers"
copyright = "the RLSP developers"
release = version = rlsp_sb3.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "api_reference",  # the modules beside this file
    "docstrings",
]
# What is no page: tables and films of results, and what the pages' figures are made by.
exclude_patterns = ["results/**", "figures/**", "_build/**"]

autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    name: name
    for name in ("ArrayLike", "FeatureFn", "FloatArray", "GymEnv", "MaybeCallback", "Seed")
}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

myst_enable_extensions = []  # plain Markdown, as GitHub shows it
myst_heading_anchors = 3
# Notebooks are shown as they were saved; `nox -s figures` runs them, and so do the tests.
nb_execution_mode = "off"

html_theme = "furo"
html_title = "RLSP"
html_copy_source = False
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
