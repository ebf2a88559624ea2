"""Packaging: `envs`, `agents`, `experiments` and `configs` are installed as sub-packages of `accept_reject`.

Their names are used by other distributions too, so they are never installed at the top level: users write
`from accept_reject.envs import ...`.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
FOLDERS = ["envs", "agents", "experiments", "web", "configs"]
PACKAGES = {"accept_reject": "accept_reject"}
for folder in FOLDERS:
    PACKAGES[f"accept_reject.{folder}"] = folder
    for package in find_packages(str(ROOT / folder)):
        PACKAGES[f"accept_reject.{folder}.{package}"] = f"{folder}/{package.replace('.', '/')}"

VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "accept_reject" / "__init__.py").read_text(encoding="utf-8"))
assert VERSION

AGENTS = ["safetensors>=0.5", "torch>=2.6"]
EXPERIMENTS = [
    *AGENTS,
    "arviz-base>=0.6",
    "arviz-stats>=0.6",
    "bibtexparser>=2.0",
    "filelock>=3.16",
    "h5netcdf>=1.4",
    "h5py>=3.12",
    "jinja2>=3.1",
    "joblib>=1.4",
    "matplotlib>=3.9",
    "openpyxl>=3.1",
    "pandas>=2.2",
    "psutil>=6.0",
    "pyyaml>=6.0",
    "rich>=13.9",
    "statsmodels>=0.14.4",
    "tensorboard>=2.18",
    "typer>=0.15",
]
DASK = ["dask[distributed]>=2025.1", "dask-jobqueue>=0.9"]
LLM = ["anyio>=4.5", "httpx>=0.27"]
NUTS = ["numpyro>=0.16"]
SB3 = ["sb3-contrib>=2.7"]
SPSS = ["pyreadstat>=1.2"]
VIDEO = ["moviepy>=2.1"]
WEB = ["anyio>=4.5", "starlette>=0.45", "uvicorn>=0.34"]
DOCS = ["L2M4M>=1.0.4", "mkdocstrings[python]>=1.0", "zensical>=0.0.73"]
ALL = [*EXPERIMENTS, *DASK, *LLM, *NUTS, *SB3, *SPSS, *VIDEO, *WEB]

TEST = [
    *ALL,
    "axe-playwright-python>=0.1.4",
    "bids-validator-deno>=2.0",
    "build>=1.2",
    "httpx2>=2.0",
    "hypothesis>=6.100",
    "nilearn>=0.11",
    "playwright>=1.49",
    "pytest>=8.0",
    "pytest-xdist>=3.6",
    "setuptools>=77",
]

setup(
    name="accept-reject",
    version=VERSION[1],
    description=("The accept-or-reject game as a Gymnasium environment: how humans and machines learn who values them"),
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=list(PACKAGES),
    package_dir=PACKAGES,
    package_data={
        "accept_reject": ["py.typed"],
        "accept_reject.envs": ["py.typed"],
        "accept_reject.agents": ["py.typed", "pretrained/*"],
        "accept_reject.experiments": ["py.typed"],
        "accept_reject.experiments.reporting": ["templates/*", "templates/methods/*", "references.bib"],
        "accept_reject.web": ["py.typed", "pages/*", "texts/*.yaml"],
        "accept_reject.configs": ["*.yaml"],
    },
    install_requires=[
        "gymnasium>=1.4,<2",
        "numpy>=2.0",
        "pillow>=10.1",
        "pydantic>=2.10,<3",
        "scipy>=1.14",
    ],
    extras_require={
        "agents": AGENTS,
        "experiments": EXPERIMENTS,
        "dask": DASK,
        "llm": LLM,
        "nuts": NUTS,
        "sb3": SB3,
        "spss": SPSS,
        "video": VIDEO,
        "web": [*EXPERIMENTS, *WEB],
        "all": ALL,
        "docs": DOCS,
        "test": TEST,
        "dev": [*TEST, *DOCS, "mypy>=1.15", "ruff>=0.9", "scipy-stubs", "types-PyYAML", "types-psutil"],
    },
    entry_points={"console_scripts": ["accept-reject = accept_reject.__main__:main"]},
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
