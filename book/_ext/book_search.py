"""A search that finds words typed with or without their accents.

The index holds each accented word a second time without its accents; whoever types ``acuracia`` finds *acurácia*.
"""

import unicodedata

from sphinx.search.pt import SearchPortuguese


def without_accents(word):
    """The word in plain letters: ``não`` becomes ``nao``."""
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


class SearchWithoutAccents(SearchPortuguese):
    """Portuguese, each accented word also without accents."""

    lang = "pt"

    def split(self, input):
        """The words of a text, followed by the plain form of the accented ones."""
        words = super().split(input)
        return words + [plain for word in words if (plain := without_accents(word)) != word]


def setup(app):
    """Replace the Portuguese search."""
    app.add_search_language(SearchWithoutAccents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
