"""A page in a real headless browser: what it became, what it complained of.

    import chromium
    try:
        page = chromium.load("report.html", width=390, mobile=True)
    except chromium.NoBrowser as reason:
        print(f"skipped: {reason}")
    else:
        check_equal(page.errors, [], "no console error")

The browser is driven by its DevTools protocol over two pipes (JSON texts that
end with a zero byte), so that messages come with their level, and a phone is a
phone: a headless window is never narrower than 500 pixels. Each page gets a
browser and a profile folder of its own, and no name but file: leads anywhere.
"""
import base64
import dataclasses
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync",
         "--disable-background-networking", "--disable-component-update",
         "--disable-default-apps", "--hide-scrollbars",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe")
START_SECONDS = 90


class NoBrowser(Exception):
    """There is no browser, or it does not start here."""


class Trouble(Exception):
    """The browser started, but not did what it was asked for in time."""


@dataclasses.dataclass
class Page:
    dom: str = ""                # the document as HTML, after its scripts
    messages: list = dataclasses.field(default_factory=list)
    errors: list = dataclasses.field(default_factory=list)
    requests: list = dataclasses.field(default_factory=list)
    values: list = dataclasses.field(default_factory=list)
    screenshot: bytes = b""      # PNG


def find():
    """The browser's path; VMCYCLE_CHROMIUM names another. None: there is none.
    """
    named = os.environ.get("VMCYCLE_CHROMIUM")
    return shutil.which(named) if named else next(
        filter(None, map(shutil.which, NAMES)), None)


class _Browser:
    """The process and its two pipes."""

    def __init__(self, path, profile, deadline):
        self.deadline, self.number, self.seen, self.rest = deadline, 0, [], b""
        child_in, self.to = os.pipe()
        self.come, child_out = os.pipe()
        # The protocol wants the descriptors 3 and 4, by these numbers.
        line = f'exec "$@" 3<&{child_in} 4>&{child_out}'
        self.process = subprocess.Popen(
            ["sh", "-c", line, "sh", path, *FLAGS, f"--user-data-dir={profile}",
             "about:blank"], pass_fds=(child_in, child_out),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(child_in)
        os.close(child_out)

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.come)

    def receive(self):
        """The next message, whatever it is."""
        while b"\0" not in self.rest:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.come], [], [], left)[0]:
                raise Trouble("no answer in time")
            more = os.read(self.come, 1 << 20)
            if not more:
                raise Trouble("the browser ended")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        """Ask, and wait for the answer; events on the way are kept."""
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        try:
            os.write(self.to, json.dumps(request).encode() + b"\0")
        except BrokenPipeError:
            raise Trouble("the browser ended") from None
        while True:
            message = self.receive()
            if message.get("id") != self.number:
                self.seen.append(message)
            elif "error" in message:
                raise Trouble(f"{method}: {message['error']['message']}")
            else:
                return message["result"]

    def wait_for(self, method):
        while all(m.get("method") != method for m in self.seen):
            self.seen.append(self.receive())


def _console_text(argument):
    return str(argument.get("value", argument.get("description", "")))


def _sort_events(events, page):
    """Messages and requests of the page, out of what the browser told."""
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            text = " ".join(map(_console_text, params["args"]))
            page.messages.append((params["type"], text))
            if params["type"] in ("error", "assert"):
                page.errors.append(text)
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            page.errors.append(details.get("exception", {}).get(
                "description", details["text"]))
        elif method == "Log.entryAdded":
            entry = params["entry"]
            page.messages.append((entry["level"], entry["text"]))
            if entry["level"] == "error":
                page.errors.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            page.requests.append(params["request"]["url"])


def _visit(browser, url, evaluate, width, height, mobile, dark, screenshot):
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target,
                           flatten=True)["sessionId"]

    def call(method, **params):
        return browser.call(method, session, **params)

    for domain in ("Page", "Runtime", "Log", "Network"):
        call(domain + ".enable")
    call("Emulation.setDeviceMetricsOverride", width=width, height=height,
         deviceScaleFactor=1, mobile=mobile)
    call("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
    browser.seen.clear()
    failure = call("Page.navigate", url=url).get("errorText")
    if failure:
        raise Trouble(f"{url}: {failure}")
    browser.wait_for("Page.loadEventFired")
    page = Page()
    for expression in (*evaluate, "document.documentElement.outerHTML"):
        answer = call("Runtime.evaluate", expression=expression,
                      awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise Trouble(f"{expression}: {answer['result']}")
        page.values.append(answer["result"].get("value"))
    page.dom = page.values.pop()
    if screenshot:
        page.screenshot = base64.b64decode(call(
            "Page.captureScreenshot", format="png")["data"])
    _sort_events(browser.seen, page)
    return page


def load(path, evaluate=(), width=1280, height=800, mobile=False, dark=False,
         screenshot=False, seconds=180):
    """Open the file @path and wait until it has loaded; then evaluate each
    JavaScript expression of @evaluate (a promise is waited for) into values.
    """
    program = find()
    if program is None:
        raise NoBrowser("no Chromium is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = _Browser(program, profile, time.monotonic() + START_SECONDS)
        try:
            try:
                browser.call("Browser.getVersion")
            except Trouble as reason:
                raise NoBrowser(f"{program} does not start: {reason}") from None
            browser.deadline = time.monotonic() + seconds
            return _visit(browser, pathlib.Path(path).resolve().as_uri(),
                          evaluate, width, height, mobile, dark, screenshot)
        finally:
            browser.close()
