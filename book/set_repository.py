"""Give the book another repository address: ``python book/set_repository.py URL``.

A fork runs this before it builds its own pages, so that "open in Colab", "suggest
an edit" and the notebooks' first cell point at the fork.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The address as GitHub accepts it: owner without dots, repository with them.
ADDRESS = re.compile(r"https://github\.com/(?P<owner>[A-Za-z\d-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?")
SETTING = re.compile(r"^  url: (?P<url>\S+)$", re.MULTILINE)


def main(arguments=None):
    """Rewrite the address and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if len(arguments) != 1:
            raise ValueError("Informe um endereço: python book/set_repository.py "
                             "https://github.com/dono/repositorio")
        changed = set_repository(ROOT, arguments[0])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Endereço do repositório trocado em {len(changed)} arquivo(s).")
    return 0


def set_repository(root, url):
    """Replace the present address by ``url`` and return the files that changed."""
    before, after = split(current_address(root)), split(url)
    return [path for path in addressed_files(root) if rewrite(path, before, after)]


def split(url):
    """The owner and the name of a repository, from its address."""
    match = ADDRESS.fullmatch(url)
    if not match:
        raise ValueError(f"Endereço inválido: {url!r}; use a forma https://github.com/dono/repositorio.")
    return match["owner"], match["name"]


def current_address(root):
    """The address that _config.yml gives."""
    return SETTING.search((root / "_config.yml").read_text(encoding="utf-8"))["url"]


def addressed_files(root):
    """The files in which the address may stand."""
    names = ["_config.yml", "pyproject.toml", "README.md", "CONTRIBUTING.md", "CITATION.cff"]
    files = [root / name for name in names if (root / name).exists()]
    template = [root / "catsdogs" / "classroom" / "template" / name for name in ("README.md", "requirements.txt")]
    template += (root / "catsdogs" / "classroom" / "tarefa").glob("*.ipynb")
    template += [root / "catsdogs" / "engines" / "page" / "page.html"]
    files += [path for path in template if path.exists()]
    files += sorted((root / "tests" / "frozen").glob("*.ipynb"))
    return files + sorted((root / "book").rglob("*.md")) + sorted((root / "book").rglob("*.ipynb"))


def rewrite(path, before, after):
    """Change the address in one file, as a repository and as its published pages."""
    # Bytes, so that line endings stay as they are.
    old = path.read_bytes().decode("utf-8")
    new = old
    for form in ("{}/{}", "{}.github.io/{}"):
        pattern = rf"(?<![\w.-]){re.escape(form.format(*before))}(?![\w-])"
        new = re.sub(pattern, form.format(*after), new)
    if new != old:
        path.write_bytes(new.encode("utf-8"))
    return new != old


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
