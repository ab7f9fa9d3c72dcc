"""The browser's driver: a test that loads a page must be able to fail."""
import pathlib
import tempfile

import chromium
from harness import check, check_equal, close

PAGE = """<!doctype html><meta charset="utf-8"><title>t</title>
<meta name="viewport" content="width=device-width"><link rel="icon"
href="data:,"><p id="p">before</p><script>
console.log("hello", 7);
document.getElementById("p").textContent =
    innerWidth + (matchMedia("(prefers-color-scheme: dark)").matches
                  ? " dark" : " light");
</script>%s"""
BAD = """<img src="none.png"><script>console.error("broken");
fetch("http://example.org/x"); throw new Error("thrown")</script>"""


def test(folder):
    good = pathlib.Path(folder, "good.html")
    good.write_text(PAGE % "")
    page = chromium.load(good, ["1 + 1", "Promise.resolve('later')"],
                         screenshot=True)
    check_equal(page.errors, [], "a good page has no error")
    check_equal(page.messages, [("log", "hello 7")], "its message")
    check_equal(page.values, [2, "later"], "expressions")
    check('<p id="p">1280 light</p>' in page.dom, "the document")
    check(page.screenshot.startswith(b"\x89PNG"), "the picture")
    check_equal(page.requests, [good.as_uri()], "it asked for nothing else")

    phone = chromium.load(good, width=390, height=844, mobile=True, dark=True)
    check('<p id="p">390 dark</p>' in phone.dom, "a phone, dark")

    bad = pathlib.Path(folder, "bad.html")
    bad.write_text(PAGE % BAD)
    page = chromium.load(bad, ["new Promise(r => setTimeout(r, 300))"])
    text = "\n".join(page.errors)
    check(all(word in text for word in
              ("broken", "thrown", "ERR_FILE_NOT_FOUND", "example.org")),
          f"errors are seen: {text}")
    check("http://example.org/x" in page.requests, "an external resource")
    try:
        chromium.load(pathlib.Path(folder, "none.html"))
    except chromium.Trouble as reason:
        check("ERR_FILE_NOT_FOUND" in str(reason), f"no such file: {reason}")
    else:
        check(False, "a file that is not there")


with tempfile.TemporaryDirectory() as folder:
    try:
        test(folder)
    except chromium.NoBrowser as reason:
        print(f"skipped: {reason}")
        check(True, "without a browser there is nothing to test")
close()
