"""A real browser that shows exported layers in Neuroglancer's own client."""

import shutil
import threading

import pytest

SWITCHES = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL 2 without a graphics card
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session", name="chromium")
def _chromium():
    """Headless Chromium; a test that asks for it skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, headless=True, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session", name="neuroglancer")
def _neuroglancer():
    """Neuroglancer's Python package with its built client, on a port of 127.0.0.1."""
    package = pytest.importorskip("neuroglancer", reason="its wheel holds the client")
    package.set_server_bind_address("127.0.0.1")
    yield package
    package.stop()


@pytest.fixture(name="served")
def _served():
    """A function that serves a folder and gives its address."""
    from pmap.apps import serving

    servers = []

    def serve(folder):
        server = serving.make_server(folder)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()
