"""What all tests share."""

pytest_plugins = [
    "recipes.testing.local_iam.pytest_plugin",
    "tests.evidence.plugin",
    "tests.pages.plugin",
]
