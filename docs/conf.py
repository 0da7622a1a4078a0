"""Sphinx configuration."""

import sightline

project = "Sightline"
author = "The Sightline developers"
copyright = "2026, The Sightline developers"
version = release = sightline.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.intersphinx", "sphinx_design"]
intersphinx_mapping = {}
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"
autodoc_default_options = {"exclude-members": "Image"}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
suppress_warnings = ["myst.xref_missing"]

html_theme = "pydata_sphinx_theme"
html_title = "Sightline"
html_static_path = []
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "show_prev_next": False}
