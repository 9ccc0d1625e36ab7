"""The page as a web application."""

import fastapi  # pyright: ignore[reportMissingImports]
import gradio as gr  # pyright: ignore[reportMissingImports]

from gan_lightning.page.explorer import Explorer
from gan_lightning.page.layout import Page
from gan_lightning.page.pieces import HERE

FONTS, FIXED_WIDTH = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
"""Those that the browser has, so that none is asked for."""


def web_application(explorer: Explorer, title: str) -> fastapi.FastAPI:
    """Returns the page of an explorer as an ASGI application. It reads no file but those of gradio."""
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    return gr.mount_gradio_app(
        app,
        Page(explorer, title).blocks(),
        path="/",
        allowed_paths=[],
        footer_links=[],
        run_history=False,
        show_error=True,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(font=FONTS, font_mono=FIXED_WIDTH),
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(HERE / 'page.js').read_text(encoding='utf-8')}</script>",
    )
