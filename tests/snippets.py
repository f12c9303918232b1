"""The blocks of code in the documents: what each is, and why one is not run.

```sh slow        its language, and a mark: run by a test that is slow
```sh installs    or one of `NOT_RUN`, which says why no test runs it
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "plugins/README.md",
    "samples/README.md",
    *(f"pipelines/{path.name}" for path in sorted((ROOT / "pipelines").glob("*.md"))),
)
"""Documents of which every command and snippet is run; `README.zh-CN.md` has those of README.md."""

SLOW = "slow"
NOT_RUN: Mapping[str, str] = {
    "installs": "it installs packages, or uploads one",
    "keras": "a call of another library, beside what is run here",
    "datasets": "a call of another library, beside what is run here",
    "augmentor": "a call of another library, beside what is run here",
}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code.

    Attributes:
      document: the document that it stands in.
      line: line of its beginning, from 1.
      info: its language and its mark, as they are written.
      text: what it holds.
    """

    document: str
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def mark(self) -> str:
        return self.info.partition(" ")[2]

    @property
    def commands(self) -> list[list[str]]:
        """The words of its commands; of `console` those of the lines that begin with `$`."""
        lines = self.text.splitlines()
        if self.language == "console":
            lines = [each.removeprefix("$ ") for each in lines if each.startswith("$ ")]
        return [words for each in lines if (words := shlex.split(each, comments=True))]


def blocks(document: str, info: str | None = None, begins: str = "") -> list[Block]:
    """Returns the blocks of a document; of one info and one beginning, if they are given."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    every = [
        Block(
            document=document,
            line=text.count("\n", 0, each.start()) + 1,
            info=each[1],
            text=each[2],
        )
        for each in found
    ]
    return [
        each
        for each in every
        if (info is None or each.info == info) and each.text.startswith(begins)
    ]
