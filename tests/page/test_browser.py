"""The page in a browser without a screen: headless Chromium."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers.commands import SMALL, gan
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(not find_spec("gradio"), reason='gradio is not installed: pip install "gan-lightning[explore]"'),
]
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and find_spec("playwright")), reason="there is no Chromium, or playwright is not installed"
)

TINY = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--grid.every_n_steps", "0"]
LABELLED = ["--model.generator.latent_dim", "4"]
LABELLED += ["--model.generator.classes", "10", "--model.discriminator.classes", "10"]

PATIENCE = 60_000
"""Milliseconds, on a busy machine."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a run on digits, and pictures."""
    found, before = tmp_path_factory.mktemp("page"), Path.cwd()
    os.chdir(found)
    gan("fit", *SMALL, *TINY, *LABELLED)
    Image.linear_gradient("L").resize((60, 40)).convert("RGB").save("wide.png")
    Path("text.png").write_text("no picture")
    os.chdir(before)
    return found


@pytest.fixture(scope="module")
def site(folder, tmp_path_factory) -> Iterator[str]:
    """The address of the page, while `gan explore` serves it. Ctrl-C then ends it and leaves nothing behind."""
    temporary = tmp_path_factory.mktemp("temporary")
    run = str(folder / "lightning_logs/version_0")
    command = [sys.executable, "-m", "gan_lightning", "explore", run, "--port", "0"]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(temporary)}, **options) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "is at http://127.0.0.1:" in line
        yield line.split(" is at ")[1].split()[0]
        assert len([*temporary.glob("gan-explore-*")]) == 1
        process.send_signal(signal.SIGINT)
        errors = process.communicate()[1]
        assert (process.returncode, errors) == (0, "")
    assert not [*temporary.glob("gan-explore-*")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def visit(browser, site) -> Iterator[Any]:
    """Opens the page as somebody new; at the end, no page has complained, or asked another host for anything."""
    complaints, contexts = [], []

    def opened(width: int = 1200):
        context = browser.new_context(viewport={"width": width, "height": 844})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith((site, "data:", "blob:")) or complaints.append(asked.url))
        page.on("response", lambda got: got.status >= 400 and complaints.append(f"{got.status} {got.url}"))
        page.goto(site)
        page.wait_for_selector("figure.seen img")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def seen(page: Any) -> str:
    return page.get_attribute("figure.seen img", "src")


def wait_for_another(page: Any, before: str) -> None:
    page.wait_for_function("before => document.querySelector('figure.seen img').src != before", arg=before)


def fits(page: Any) -> bool:
    """Whether nothing is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@needs_browser
def test_a_slider_shows_another_image_to_whoever_moves_it_on_a_phone_too(visit):
    page, phone = visit(), visit(390)
    first = seen(page)
    assert seen(phone) == first
    phone.locator("#seed input[type=range]").press("ArrowRight")
    wait_for_another(phone, first)
    assert "--samples.first_seed 1 " in phone.inner_text(".kept >> nth=0")
    assert seen(page) == first
    assert fits(phone)
    page.locator("#nearest input").check()
    page.wait_for_selector("#near img")
    assert page.locator("#near img").count() == 6


@needs_browser
def test_a_picture_is_uploaded_erased_completed_and_found_again(visit, folder):
    page = visit(390)
    page.get_by_role("tab", name="Your picture").click()
    page.locator("#complete").click()
    page.wait_for_selector("text=choose one first")
    page.set_input_files("label.choose input", folder / "text.png")
    page.wait_for_selector("text=cannot read the picture")
    page.set_input_files("label.choose input", folder / "wide.png")
    canvas = page.locator("canvas.erased")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    page.mouse.up()
    mask = page.evaluate("window.brush.mask()")
    assert len(mask) == 28 * 28
    assert 20 < mask.count("1") < 200
    page.locator("#complete").click()
    page.wait_for_selector("text=Completions, the most likely one first")
    assert page.locator(".images img").count() == 6
    assert page.locator(".kept a", has_text="mask-").count() == 1
    assert page.inner_text("#status") == ""
    assert fits(page)
    page.locator("#stop").click()  # there is nothing to stop, and what was found stays
    page.locator("#tuning input[type=range]").press("ArrowRight")
    page.wait_for_function("document.querySelector('#tuning input[type=number]').value == '10'")
    page.locator("#find").click()
    page.wait_for_selector("text=now begins with the picture found again")
    page.wait_for_selector("text=after tuning, ")
    assert "--tune 10 " in page.inner_text(".kept >> visible=true")
    assert page.locator(".kept a", has_text="tuned-").count() == 1
    page.get_by_role("tab", name="Look around").click()
    page.wait_for_selector("text=--latents latents-")
    assert fits(page)


def status(site: str, path: str = "/", body: bytes | None = None) -> int:
    """The status of an answer."""
    with closing(HTTPConnection(site.removeprefix("http://"), timeout=600)) as connection:
        connection.request("GET" if body is None else "POST", path, body)
        with closing(connection.getresponse()) as answer:
            return answer.status


def test_no_file_is_served_and_no_upload_is_taken(site, folder):
    secret = folder / "text.png"
    paths = [
        f"/{start}{secret}" for start in ("file=", "gradio_api/file=", "gradio_api/file", "assets/../..", "static/..")
    ]
    paths += ["/assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "/gradio_api/info", "/static/%2e%2e/%2e%2e/routes.py"]
    for path in paths:
        assert status(site, path) == 404, path
    assert status(site, "/gradio_api/upload", b"a picture") == 404
    assert status(site) == 200
