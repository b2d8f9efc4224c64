"""Words that an owner wrote, in Swedish and in English."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """The same words in both languages; Swedish stands in where nobody wrote the English."""

    sv: str = ""
    en: str = ""

    def in_(self, language: str) -> str:
        """Give the words in this language: "sv" or "en"."""
        return self.en if language == "en" and self.en else self.sv

    def __bool__(self) -> bool:
        """Tell whether there are any words at all."""
        return bool(self.sv or self.en)
