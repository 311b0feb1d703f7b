"""What the page Treine aqui takes in Chromium: prints its figures as JSON. Called by ``run.py``, on a built site.

Photos are noise of a photo's size: what is measured does not depend on what they show.
"""

import base64
import gzip
import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browsing import CHROMIUM, serving

PHOTOS = 40
# The longest time between two ticks of the page's own clock, in milliseconds, since it was last asked.
STALL = """{
    let [last, longest] = [performance.now(), 0];
    setInterval(() => {
        const now = performance.now();
        longest = Math.max(longest, now - last - 10);
        last = now;
    }, 10);
    window.stall = () => { const found = longest; longest = 0; return found; };
}"""


# Files that the page has already are chosen: handing them over is not the page's work.
CHOOSE = """([label, contents]) => {
    const transfer = new DataTransfer();
    contents.forEach((content, number) => transfer.items.add(
        new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], `${number}.jpg`)));
    const input = document.querySelectorAll("#treino fieldset")[label].querySelector("input[type=file]");
    input.files = transfer.files;
    window.choose = () => input.dispatchEvent(new Event("change"));
}"""


def photos(count: int, width: int = 640, height: int = 480) -> list[str]:
    """Files of noise, in base 64."""
    rng, files = np.random.default_rng(0), []
    for _ in range(count):
        small = rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8)
        content = io.BytesIO()
        Image.fromarray(small).resize((width, height)).save(content, "JPEG")
        files.append(base64.b64encode(content.getvalue()).decode())
    return files


def add(page: Page, label: int, files: list[str]) -> tuple[float, float]:
    """Give files to a class; the seconds until all have come in, and the longest stall meanwhile."""
    page.evaluate(CHOOSE, [label, files])
    page.wait_for_timeout(500)
    start = page.evaluate("stall() * 0 + performance.now()")
    page.evaluate("choose()")
    page.locator("#treino [data-part=stop-adding]").wait_for(state="hidden")
    return (page.evaluate("performance.now()") - start) / 1000, page.evaluate("stall()")


def train(page: Page) -> tuple[float, float]:
    """Train; the seconds until the result is there, and the longest stall meanwhile."""
    page.locator("#treino [data-part=result]").evaluate("(result) => { result.hidden = true; }")
    start = page.evaluate("stall() * 0 + performance.now()")
    page.locator("#treino [data-part=train]").click()
    page.locator("#treino [data-part=result]").wait_for()
    return (page.evaluate("performance.now()") - start) / 1000, page.evaluate("stall()")


def training_code(site: Path) -> float:
    """Kilobytes, packed, of what the first training loads, where WebAssembly has vector instructions."""
    ours, library = site / "_static" / "treino", site / "_static" / "treino" / "tfjs"
    files = [*(ours / f"{name}.js" for name in ("head", "train", "random", "library")), *library.glob("*.js"),
             library / "tfjs-backend-wasm-simd.wasm"]
    return sum(len(gzip.compress(path.read_bytes())) for path in files) / 1000


def measure(site: Path) -> dict[str, float]:
    """Photos a second, seconds of trainings of 40 photos and of one of 12 megapixels, milliseconds of the longest
    stall, kilobytes of code.
    """
    with serving(site) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=address)
        page.add_init_script(STALL)
        page.goto("book/alem/treine.html")
        page.locator("#treino fieldset >> nth=1").wait_for()
        files = photos(PHOTOS)
        add(page, 0, files[:1])  # the model is loaded
        steps = [add(page, 0, files[1:PHOTOS // 2]), add(page, 1, files[PHOTOS // 2:]), train(page), train(page),
                 add(page, 0, photos(1, 4000, 3000))]
        browser.close()
    seconds, stalls = zip(*steps, strict=True)
    return {"photos_a_second": (PHOTOS - 1) / sum(seconds[:2]), "first_training": seconds[2], "training": seconds[3],
            "large_photo": seconds[4], "stall": max(stalls), "code": training_code(site)}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
