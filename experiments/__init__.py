"""Experiments: simulation, analysis, inference and reporting, and the commands built from them."""

from accept_reject.extras import require

require(
    "accept_reject.experiments",
    "experiments",
    *(
        "bibtexparser",
        "filelock",
        "jinja2",
        "joblib",
        "matplotlib",
        "pandas",
        "psutil",
        "rich",
        "safetensors",
        "statsmodels",
        "tensorboard",
    ),
    *("torch", "typer", "yaml"),
)
