"""Sphinx's configuration. `build.py` lays the pages out and runs it."""

project = "secret-bridge"
extensions = ["myst_parser"]
myst_heading_anchors = 4  # links to headings are written as code hosts make them
suppress_warnings = ["misc.highlighting_failure"]  # an example with "…" in it is no complete program
smartquotes = False  # what is typed stays as it is typed

html_theme = "furo"
html_title = "secret-bridge"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_theme_options = {"top_of_page_buttons": []}
