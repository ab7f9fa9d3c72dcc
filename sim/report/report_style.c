/* SPDX-License-Identifier: MIT */
/*
 * Readable on a phone, in the dark, on paper and without colours. Colours have
 * names, so that a dark screen gets other ones: --c1 to --c7 are those of the
 * Okabe-Ito palette, which stays apart for colour-blind readers, and lighter
 * shades of it; --h0 to --h7 go from few to many. What is wider than a phone
 * scrolls in a box of its own, never the page.
 */
#include "sim/report/report_style.h"

static const char colours[] =
    ":root{color-scheme:light dark;--bg:#fff;--card:#f5f7f9;--fg:#1b1f24;"
    "--soft:#57606a;--line:#d3d9e0;--grid:#dfe3e8;--good:#116329;"
    "--bad:#b42318;--badbg:#f6d5d1;--mark:#fdebc2;--c1:#0072b2;--c2:#d55e00;--"
    "c3:#009e73;"
    "--c4:#cc79a7;--c5:#e69f00;--c6:#56b4e9;--c7:#f0e442;--c8:#555f69;"
    "--c9:#882255;--c10:#44aa99;--c11:#999933;--c12:#332288;--pale:#a6d5f2;"
    "--h0:#deebf7;--h1:#c6dbef;--h2:#9ecae1;--h3:#6baed6;--h4:#4292c6;"
    "--h5:#2171b5;--h6:#08519c;--h7:#08306b}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#0e1116;--card:#171c23;"
    "--fg:#e6edf3;--soft:#9da7b3;--line:#343b45;--grid:#2a3038;"
    "--good:#4cc261;--bad:#ff8177;--badbg:#4b1f1c;--mark:#4f3d10;--c1:#4ca6e0;-"
    "-c2:#f08c4a;"
    "--c3:#2cc295;--c4:#e2a0c8;--c5:#f0b840;--c6:#8fd0f5;--c7:#f4ec7a;"
    "--c8:#9da7b3;--c9:#d1699a;--c10:#63c9b8;--c11:#c2c25c;--c12:#8f86e8;"
    "--pale:#24506e;--h0:#172b40;--h1:#1b3d5e;--h2:#20527f;--h3:#2a6ba3;"
    "--h4:#3f8ac6;--h5:#6aacdd;--h6:#a2cdeb;--h7:#deebf7}}\n";

static const char layout[] =
    "*{box-sizing:border-box}\n"
    "body{font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;"
    "color:var(--fg);background:var(--bg);max-width:74rem;margin:0 auto;"
    "padding:1.25rem 1rem 3rem;overflow-wrap:break-word}\n"
    "h1,h2,h3{line-height:1.25;text-wrap:balance}\n"
    "h1{font-size:1.6rem;margin:0}\n"
    "h2{font-size:1.3rem;margin:2.5rem 0 .5rem;padding-top:1rem;"
    "border-top:1px solid var(--line)}\n"
    "h3{font-size:1.05rem;margin:1.5rem 0 .5rem}\n"
    "p{margin:.4rem 0}a{color:var(--c1)}\n"
    ".sub,figcaption,caption,.more{color:var(--soft);font-size:.9rem}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}\n"
    ".answers{display:grid;gap:.75rem;margin:1rem 0;"
    "grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}\n"
    ".answers:not(:has(div)){display:none}\n"
    ".answers>div{background:var(--card);border:1px solid var(--line);"
    "border-radius:.75rem;padding:.8rem 1rem}\n"
    ".answers h2{font-size:.95rem;font-weight:600;color:var(--soft);"
    "margin:0;padding:0;border:0}\n"
    ".answers .big{font-size:1.4rem;font-weight:700;line-height:1.2;"
    "letter-spacing:-.01em;margin:.15rem 0 .3rem}\n"
    ".bar{display:block;width:100%;height:.9rem;border-radius:.3rem;"
    "margin:.3rem 0}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.1rem .8rem;list-style:none;"
    "padding:0;margin:.3rem 0;font-size:.85rem}\n"
    ".legend i{display:inline-block;width:.7em;height:.7em;"
    "margin-right:.35em;border-radius:.15em}\n"
    ".stack{width:100%;min-width:10rem;vertical-align:middle}\n"
    ".head{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,"
    "1fr));gap:.6rem;padding:0;margin:.8rem 0;"
    "list-style:none}\n"
    ".head li{background:var(--card);border:1px solid var(--line);"
    "border-radius:.6rem;padding:.4rem .8rem;font-size:.85rem;"
    "color:var(--soft)}\n"
    ".head b{display:block;font-size:1.2rem;color:var(--fg)}"
    ".head b.bad{color:var(--bad)}\n"
    ".wide{overflow-x:auto;margin:.5rem 0 1rem}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;"
    "font-size:.92rem}\n"
    "caption{text-align:left;padding:.2rem 0}\n"
    "td,th{padding:.25rem .9rem .25rem 0;border-bottom:1px solid "
    "var(--line);text-align:left;vertical-align:top;font-weight:400}\n"
    "thead th{color:var(--soft);font-size:.85rem;vertical-align:bottom}\n"
    ".runs th,.runs td{white-space:nowrap}\n"
    ".n{text-align:right;white-space:nowrap}\n"
    "thead .n{white-space:normal;min-width:5rem}\n"
    ".d{display:block;font-size:.8rem;color:var(--soft)}\n"
    ".d2{color:var(--fg);font-weight:600}\n"
    ".d3{color:var(--fg);font-weight:700}"
    ".d3 span{background:var(--mark);border-radius:.3rem;padding:0 .3rem}\n"
    ".compare th:first-child{position:sticky;left:0;background:var(--bg);"
    "min-width:8rem;max-width:min(18rem,42vw);overflow-wrap:anywhere}\n"
    "section:has(.hide:checked) tr.same{display:none}\n"
    ".pictures{display:grid;gap:1rem 1.5rem;grid-template-columns:"
    "repeat(auto-fill,minmax(min(26rem,100%),1fr))}\n"
    "figure{margin:.5rem 0;min-width:0}figure.wide{grid-column:1/-1}\n"
    "figure svg{display:block;width:100%;height:auto;color:var(--fg)}\n"
    "pre{overflow-x:auto;font-size:.8rem;line-height:1.35;background:"
    "var(--card);border-radius:.5rem;padding:.7rem}\n"
    "details{margin:.3rem 0}summary{cursor:pointer}\n"
    "nav ul{padding:0;list-style:none;display:flex;flex-wrap:wrap;"
    "gap:.2rem 1rem;margin:.4rem 0;font-size:.9rem}\n"
    "footer{margin-top:3rem;color:var(--soft);font-size:.85rem}\n"
    "@media(max-width:30rem){body{padding-top:.8rem}.answers "
    ".big{font-size:1.3rem}"
    ".answers{gap:.5rem;margin:.6rem 0}.answers>div{padding:.6rem .8rem}"
    ".answers p,.legend{font-size:.85rem}}\n"
    "@media print{details{display:block}body{max-width:none}}\n";

void style_write(FILE *page)
{
    (void)fputs(colours, page);
    (void)fputs(layout, page);
}
