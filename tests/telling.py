"""What holds of all methods in words."""

import re

from accept_reject.experiments.html import versions
from accept_reject.experiments.words import REFERENCES, Methods


def told(found: Methods) -> str:
    """The text of methods, which is well formed and cites what it lists, and nothing else."""
    text = " ".join(found.paragraphs)
    stray = r" [ ,.;:)]|[,;:.]{2}|[(\[] |[(][)]|[\[\]{}]|\b(None|nan|inf)\b|[a-z]_[a-z]+ "
    assert not re.search(stray, text.replace("et al.", "et al")), text
    nouns = "round|participant|model|agent|draw|choice|newcomer|fold|iteration|resample|simulated participant"
    assert not re.search(rf"(?<![\d,.])1 ({nouns})s\b|\b1 studies\b", text), text
    assert not re.search(rf"(?<![\d,.])([02-9]|\d[\d,]+) ({nouns}|study)\b", text), text
    assert all(re.fullmatch(r"[A-Z0-9].*[.]", paragraph) for paragraph in found.paragraphs), text
    cited = {key for key in REFERENCES if key in text}
    assert set(found.references) == {REFERENCES[key] for key in cited}
    years = set(re.findall(r"(?:19|20)[0-9]{2}(?=[;)])", text))
    assert years == {key[-4:] for key in cited}
    assert ", ".join(versions()[:-1]) in text
    return text
