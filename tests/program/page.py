"""An HTML page taken apart: its tags must balance, and its elements can be
asked for by tag and attribute.

    page = Page(path.read_text())
    page.faults              # lines about what is wrong; [] is good
    page.all("table", cls="compare")[0].rows()
"""
import html.parser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link",
        "meta", "source", "track", "wbr"}
# Elements of SVG may end themselves, as <rect/>.
SVG = {"svg", "g", "path", "rect", "circle", "use", "polygon", "polyline",
       "line", "ellipse"}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, dict(attributes), parent
        self.children = []

    def __getitem__(self, name):
        return self.attributes.get(name)

    def walk(self):
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag=None, cls=None, **attributes):
        return [e for e in self.walk() if e is not self
                and (tag is None or e.tag == tag)
                and (cls is None or cls in (e["class"] or "").split())
                and all(e[name] == value for name, value in attributes.items())]

    def text(self):
        """All text inside, blanks as in the source but for line ends."""
        return " ".join("".join(
            child.text() if isinstance(child, Element) else child
            for child in self.children).split("\n")).strip()

    def rows(self):
        """The cells of a table, row by row."""
        return [[cell for cell in row.children if isinstance(cell, Element)]
                for row in self.all("tr")]


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source, self.faults = text, []
        self.root = self.open = Element("", {}, None)
        self.feed(text)
        self.close()
        if self.open is not self.root:
            self.faults.append(f"<{self.open.tag}> is never closed")

    def all(self, *args, **kwargs):
        return self.root.all(*args, **kwargs)

    def by_id(self, name):
        found = self.all(id=name)
        return found[0] if found else None

    def add(self, tag, attributes):
        if len(dict(attributes)) != len(attributes):
            self.faults.append(f"line {self.getpos()[0]}: <{tag}> has an "
                               "attribute twice")
        element = Element(tag, attributes, self.open)
        self.open.children.append(element)
        return element

    def handle_starttag(self, tag, attributes):
        element = self.add(tag, attributes)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag, attributes):
        self.add(tag, attributes)
        if tag not in SVG | VOID:
            self.faults.append(f"line {self.getpos()[0]}: <{tag}/>")

    def handle_endtag(self, tag):
        if tag in VOID or self.open.tag != tag:
            self.faults.append(f"line {self.getpos()[0]}: </{tag}> inside "
                               f"<{self.open.tag}>")
        else:
            self.open = self.open.parent

    def handle_data(self, data):
        self.open.children.append(data)


def _headings(page):
    levels = [int(e.tag[1]) for e in page.all() if e.tag in
              ("h1", "h2", "h3", "h4", "h5", "h6")]
    if levels.count(1) != 1 or levels[:1] != [1]:
        yield f"headings: {levels[:3]} ..., expected one h1, the first"
    for before, level in zip(levels, levels[1:]):
        if level > before + 1:
            yield f"an h{level} after an h{before}"


def _resources(page):
    """Nothing may be loaded, and nothing may run."""
    for word in ("http:", "https:", "@import", "url(http", "<script", "<link",
                 "<img", "<iframe", "<object", "<embed"):
        if word in page.source:
            yield f"'{word}' in the page"
    for element in page.all():
        for name in element.attributes:
            if name.startswith("on"):
                yield f"<{element.tag} {name}=...>"
        for name in ("href", "xlink:href", "src"):
            if element[name] and not element[name].startswith("#"):
                yield f"<{element.tag} {name}={element[name]}>"


def _references(page):
    ids = [e["id"] for e in page.all() if e["id"]]
    for name in {i for i in ids if ids.count(i) > 1}:
        yield f"the id {name} is there {ids.count(name)} times"
    known = set(ids)
    for element in page.all():
        for name in ("href", "xlink:href"):
            if (element[name] or "").startswith("#") and \
                    element[name][1:] not in known:
                yield f"{name}={element[name]} leads nowhere"
        for name in (element["aria-labelledby"] or "").split():
            if name not in known:
                yield f"aria-labelledby={name} leads nowhere"


def _pictures(page):
    for svg in page.all("svg"):
        labels = [page.by_id(i) for i in (svg["aria-labelledby"] or "").split()]
        if svg["role"] != "img" or [e and e.tag for e in labels] != \
                ["title", "desc"]:
            yield f"a picture without role, title and text: {svg.attributes}"
        elif not all(e.text() for e in labels):
            yield f"an empty title or text: {svg['aria-labelledby']}"


def check_page(page):
    """What is wrong with a page of ours: [] or lines about it."""
    faults = list(page.faults)
    for find in (_headings, _resources, _references, _pictures):
        faults += find(page)
    if [e["lang"] for e in page.all("html")] != ["en"]:
        faults.append("no language")
    if not page.all("meta", name="viewport"):
        faults.append("no viewport")
    if len(page.all("main")) != 1 or not page.all("title")[0].text():
        faults.append("no main part or no title")
    faults += [f"a <th> without scope: {e.text()}" for e in page.all("th")
               if e["scope"] not in ("row", "col")]
    for table in page.all("table"):
        widths = {len(row) for row in table.rows()}
        if len(widths) > 1:
            faults.append(f"a table with rows of {widths} cells")
    return faults
