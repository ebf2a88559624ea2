"""Packaging: the top-level folders become sub-packages of the one package `accept_reject`.

`envs`, `agents`, `experiments` and `configs` are names that other distributions use too, so they are
never installed at the top level: users write `from accept_reject.envs import ...`.
"""

from pathlib import Path

from setuptools import setup

FOLDERS = [
    "envs",
    "agents",
    "agents/adapters",
    "experiments",
    "experiments/benchmark",
    "experiments/compare",
    "experiments/data",
    "experiments/fit",
    "experiments/recover",
    "experiments/sweep",
    "experiments/train",
    "configs",
]
PACKAGES = {f"accept_reject.{folder.replace('/', '.')}": folder for folder in FOLDERS}

DASK = ["dask[distributed]>=2025.1", "dask-jobqueue>=0.9"]

TEST = [
    *DASK,
    "bids-validator-deno>=2.0",
    "build>=1.2",
    "httpx>=0.27",
    "hypothesis>=6.100",
    "moviepy>=2.1",
    "playwright>=1.49",
    "pytest>=8.0",
    "pytest-xdist>=3.6",
    "sb3-contrib>=2.7",
    "setuptools>=77",
]

setup(
    name="accept-reject",
    version="0.1.0",
    description=("The accept-or-reject game as a Gymnasium environment: how humans and machines learn who values them"),
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=list(PACKAGES),
    package_dir=PACKAGES,
    package_data={
        "accept_reject.envs": ["py.typed"],
        "accept_reject.agents": ["py.typed", "pretrained/*"],
        "accept_reject.experiments": ["py.typed", "templates/*"],
        "accept_reject.configs": ["*.yaml"],
    },
    install_requires=[
        "filelock>=3.16",
        "gymnasium>=1.4,<2",
        "jinja2>=3.1",
        "joblib>=1.4",
        "matplotlib>=3.9",
        "numpy>=2.0",
        "pandas>=2.2",
        "pillow>=10.1",
        "pydantic>=2.10,<3",
        "pyyaml>=6.0",
        "rich>=13.9",
        "safetensors>=0.5",
        "scipy>=1.14",
        "statsmodels>=0.14.4",
        "tensorboard>=2.18",
        "torch>=2.6",
        "typer>=0.15",
    ],
    extras_require={
        "dask": DASK,
        "llm": ["httpx>=0.27"],
        "sb3": ["sb3-contrib>=2.7"],
        "video": ["moviepy>=2.1"],
        "test": TEST,
        "dev": [*TEST, "mypy>=1.15", "ruff>=0.9", "scipy-stubs", "types-PyYAML"],
    },
    entry_points={"console_scripts": ["accept-reject = accept_reject.experiments.cli:main"]},
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
