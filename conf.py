"""Sphinx: makes the site of the pages under docs/ (`python3 noxfile.py` builds it)."""

import os
import stat
import sys
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]  # for docs/_ext, and what it draws from

project = "IAM concurrency cookbook"
html_title = project
html_show_copyright = False
html_show_sphinx = False

extensions = [
    "_ext",
    "myst_parser",
    "notfound.extension",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_last_updated_by_git",
    "sphinx_llm_friendly",
    "sphinx_reredirects",
    "sphinx_sitemap",
    "sphinxext.opengraph",
]
nitpicky = True
suppress_warnings = ["git.*"]  # a page without a history has no date, and is a page all the same

# Pages
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Where the site lives. At home it is what `python -m http.server` serves.
# Recipes name their pages by the published address.
published = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/"
html_baseurl = (
    os.environ.get("SITE_URL")
    or os.environ.get("READTHEDOCS_CANONICAL_URL")
    or "http://127.0.0.1:8000"
).rstrip("/") + "/"
root = urlsplit(html_baseurl).path

# Look
html_theme = "furo"
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"
html_static_path = ["docs/_static"]
templates_path = ["docs/_templates"]
html_css_files = ["cookbook.css"]
html_js_files = ["tabs.js"]
html_logo = "docs/_static/mark.svg"
html_favicon = "docs/_static/mark.svg"
html_permalinks_icon = "#"
html_use_index = False
html_copy_source = False  # each page has its Markdown beside it
html_last_updated_fmt = "%d %B %Y"
git_last_updated_timezone = "UTC"
html_theme_options: dict[str, object] = {
    "light_css_variables": {
        "color-brand-primary": "#0b5c6b",
        "color-brand-content": "#0b5c6b",
        "color-brand-visited": "#0b5c6b",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6cc5d4",
        "color-brand-content": "#6cc5d4",
        "color-brand-visited": "#6cc5d4",
    },
}
cookbook_repository = os.environ.get("READTHEDOCS_GIT_CLONE_URL", "")
if repository := os.environ.get("GITHUB_REPOSITORY"):
    cookbook_repository = f"https://github.com/{repository}"
    html_theme_options["source_repository"] = cookbook_repository
    html_theme_options["source_branch"] = "main"
    html_theme_options["source_directory"] = "docs/"

# For a reader who is lost
notfound_urls_prefix = root
notfound_context = {
    "title": "Page not found",
    "body": "<h1>Page not found</h1>"
    f'<p>Start at the <a href="{root}index.html">landing page</a>, '
    f'or <a href="{root}search.html">search</a> for what you need.</p>',
}

# Readers that are programs
llm_friendly_llms_txt_summary = (
    "How to use google-cloud-iam with threads, event loops and processes: "
    "recipes that are run against a local IAM, each with what goes wrong otherwise."
)
ogp_site_url = html_baseurl
ogp_social_cards = {"enable": False}
sitemap_url_scheme = "{link}"
sitemap_excludes = ["404.html", "search.html"]

# A page that moves leaves its old name here: {"old/name": "../new/name.html"}
# The old address's own fragment and query are kept; a query names a tab there: ?GROUP=TAB.
redirects = {
    "event-loops/loop-per-thread": "share-one-loop.html",
    "evidence/heat-map": "releases.html",
    "evidence/look-up": "index.html",
    "evidence/not-shown": "method.html#what-we-could-not-show",
    "evidence/timeline": "releases.html#what-changed-with-which-release",
    "processes/create-in-executor-worker": "create-in-worker.html?worker=executor",
    "processes/create-in-pool-worker": "create-in-worker.html?worker=pool",
    "processes/create-in-process": "create-in-worker.html?worker=process",
    "processes/list-first-then-fork": "parent-needs-a-client.html?way=ask",
    "processes/close-then-fork": "parent-needs-a-client.html?way=close",
    "processes/fork-before-threads": "parent-needs-a-client.html?way=order",
}
redirect_html_template_file = "_templates/redirect.html"  # below docs/


def name_from_root(app: Sphinx, doctree: nodes.document) -> None:
    """Name the two files of a diff by their paths in the checkout, not on this machine."""
    for block in doctree.findall(nodes.literal_block):
        if block.get("language") == "udiff":
            block.rawsource = block.astext().replace(f"{ROOT}/", "")
            block.children = [nodes.Text(block.rawsource)]


def pack_folders(app: Sphinx) -> None:
    """Pack each recipe that is a folder for download, with the same bytes for the same files."""
    for folder in sorted(path.parent for path in (ROOT / "recipes").glob("*/*/__init__.py")):
        packed = BytesIO()
        with ZipFile(packed, "w") as archive:
            for path in sorted(folder.rglob("*.py")):
                entry = ZipInfo(path.relative_to(folder.parent).as_posix())
                entry.compress_type = ZIP_DEFLATED  # its own settings count, not the archive's
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, path.read_bytes())
        download = ROOT / "docs/_downloads" / f"{folder.name}.zip"
        if not download.exists() or download.read_bytes() != packed.getvalue():
            download.parent.mkdir(exist_ok=True)
            complete = download.with_suffix(f".{os.getpid()}")
            complete.write_bytes(packed.getvalue())
            complete.replace(download)


def setup(app: Sphinx) -> None:
    """Connect what this file adds to Sphinx."""
    app.connect("builder-inited", pack_folders)
    app.connect("doctree-read", name_from_root)
