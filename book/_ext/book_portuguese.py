"""Everything the theme says to a reader, in Brazilian Portuguese.

Sphinx itself is translated, but the book theme has only a rough ``pt`` catalogue,
the theme below it has none, and a few texts are written into templates and
scripts with no way to translate them.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit

from sphinx.errors import ExtensionError
from sphinx.locale import translators

MESSAGES = {
    "sphinx": {
        "Back to top": "Voltar ao topo",
        "Breadcrumb": "Trilha de navegação",
        "Collapse Sidebar": "Recolher o menu",
        "Color mode": "Modo de cor",
        "Dark": "Escuro",
        "Error": "Erro",
        "Expand Sidebar": "Abrir o menu",
        "Home": "Início",
        "Last updated on %(last_updated)s.": "Última atualização: %(last_updated)s.",
        "Light": "Claro",
        "On this page": "Nesta página",
        "Please activate JavaScript to enable the search functionality.":
            "Ative o JavaScript para usar a busca.",
        "Search": "Buscar",
        "Section Navigation": "Navegação da seção",
        "Site navigation": "Navegação do site",
        "Skip to main content": "Ir para o conteúdo",
        "System Settings": "Padrão do sistema",
        "Version warning": "Aviso de versão",
        "next": "próxima",
        "next page": "próxima página",
        "previous": "anterior",
        "previous page": "página anterior",
    },
    "booktheme": {
        "By": "Por",
        "Contents": "Nesta página",
        "Download notebook file": "Baixar o notebook",
        "Download source file": "Baixar o arquivo-fonte",
        "Download this page": "Baixar esta página",
        "Fullscreen mode": "Tela cheia",
        "Launch interactive content": "Executar esta página",
        "Launch on": "Abrir no",
        "Open an issue": "Relatar um problema",
        "Open issue": "Relatar um problema",
        "Print to PDF": "Imprimir em PDF",
        "Repository": "Repositório",
        "Search": "Buscar",
        "Source repositories": "Repositório",
        "Source repository": "Repositório do livro",
        "Suggest edit": "Sugerir uma edição",
        "logo": "(logotipo)",
    },
}

# Texts that the templates do not translate, and labels that get in the way, by the attribute they stand in.
ATTRIBUTES = {
    'title="Toggle primary sidebar"': 'title="Mostrar ou ocultar o menu"',
    'title="Toggle secondary sidebar"': 'title="Mostrar ou ocultar o sumário da página"',
    'aria-label="Main"': 'aria-label="Páginas do livro"',
    'aria-label="Page"': 'aria-label="Sumário da página"',
    # What these are called must hold the text they show (WCAG 2.5.3): their own text says it best.
    '<summary aria-label="Toggle hidden content">': "<summary>",
    'search-button-field search-button__button pst-js-only" title="Buscar" aria-label="Buscar"':
        'search-button-field search-button__button pst-js-only" title="Buscar"',
    'data-mode="light" title="Claro"': 'data-mode="light"',
    'data-mode="dark"  title="Escuro"': 'data-mode="dark"',
    'data-mode="auto"  title="Padrão do sistema"': 'data-mode="auto"',
}

COPY_BUTTON = """\
const messages = {
  'pt-BR': {
    'copy': 'Copiar',
    'copy_to_clipboard': 'Copiar para a área de transferência',
    'copy_success': 'Copiado!',
    'copy_failure': 'Não foi possível copiar',
  },
"""


def translate_theme(app):
    """Put our messages over the catalogues the themes loaded."""
    for catalogue, messages in MESSAGES.items():
        translator = translators.get(("general", catalogue))
        if not hasattr(translator, "_catalog"):
            raise ExtensionError(f"the catalogue {catalogue!r} has no Portuguese to build on")
        translator._catalog.update(messages)


def translate_issue_button(app, pagename, templatename, context, doctree):
    """Replace the English draft of a new issue by a Portuguese one."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "source-issues-button":
                address = urlsplit(button["url"])._replace(query="").geturl()
                title = quote(f"Problema na página {pagename}.html")
                body = quote("Descreva aqui o problema.")
                button["url"] = f"{address}?title={title}&body={body}"


def translate_files(app, exception):
    """Translate the texts that only exist in the written files."""
    if exception or app.builder.format != "html":
        return
    output = Path(app.outdir)
    for page in output.rglob("*.html"):
        if "_static" not in page.relative_to(output).parts:
            rewrite(page, ATTRIBUTES)
    script = output / "_static" / "copybutton.js"
    rewrite(script, {"const messages = {\n  'en'": COPY_BUTTON + "  'en'"})
    if "'pt-BR'" not in script.read_text(encoding="utf-8"):
        raise ExtensionError("copybutton.js changed: its Portuguese messages found no place")


def rewrite(path, replacements):
    """Replace strings in one text file, touching it only if something changed."""
    before = path.read_text(encoding="utf-8")
    after = before
    for english, portuguese in replacements.items():
        after = after.replace(english, portuguese)
    if after != before:
        path.write_text(after, encoding="utf-8")


def setup(app):
    """Connect the translations; the priorities run them after the theme's own steps."""
    app.connect("builder-inited", translate_theme, priority=900)
    app.connect("html-page-context", translate_issue_button, priority=900)
    app.connect("build-finished", translate_files, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
