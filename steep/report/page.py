"""The page's template and style: one static document, nothing fetched, no scripts."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:#f7f5f0;--card:#fffdf9;--ink:#23262b;--soft:#5b616b;
--line:#ddd8cd;--base:#8b919b;--tuned:#0b6e66;--extra:#a4600a;--good:#17693c;--goodback:#e3f2e6;
--bad:#a3241a;--badback:#fbe7e3;--mild:#7d5200;--mildback:#faefd5}
@media screen and (prefers-color-scheme:dark){:root{--paper:#16181b;--card:#1e2125;--ink:#e9e6df;
--soft:#a8adb5;--line:#383c42;--base:#868d97;--tuned:#4cb8aa;--extra:#e0a458;--good:#7fd29b;
--goodback:#16301f;--bad:#f49a8c;--badback:#3a1d19;--mild:#e6bd6a;--mildback:#33290f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,
"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1rem;font-weight:600;margin:0 0 .9rem;color:var(--soft)}
h2{font-size:1.35rem;line-height:1.25;margin:2.75rem 0 .9rem;letter-spacing:-.01em}
h3{font-size:1rem;margin:0 0 .4rem}
p{margin:.6rem 0;max-width:46rem}
.soft,figcaption,footer{color:var(--soft)}
.verdict{border-radius:14px;padding:1.5rem 1.6rem;border:1px solid currentColor}
.verdict h2{font-size:2.1rem;margin:0 0 .5rem;letter-spacing:-.02em}
.verdict p{margin:0;max-width:none;color:var(--ink);font-size:1.08rem}
.good{color:var(--good);background:var(--goodback)}
.bad{color:var(--bad);background:var(--badback)}
.mild{color:var(--mild);background:var(--mildback)}
.tiles,.facts{display:grid;gap:.75rem;padding:0;list-style:none;
grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));margin:.75rem 0 0}
.tiles li{border-radius:12px;padding:.9rem 1.1rem}
.tiles strong,.tiles small{display:block}
.tiles strong{font-size:1.15rem}
.tiles small{font-size:.92rem;color:var(--ink)}
.facts{grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.5rem 1.5rem;margin:1rem 0}
.facts div{border-top:1px solid var(--line);padding-top:.4rem}
dt{color:var(--soft);font-size:.86rem}
dd{margin:0}
.facts dd{font-size:1.1rem;font-weight:600;font-variant-numeric:tabular-nums}
.figures{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
figure,.card{margin:0;background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:1.1rem 1.2rem}
figure svg{display:block;width:100%;max-width:31rem;height:auto;overflow:visible}
figcaption{font-size:.88rem;line-height:1.45;margin-top:.7rem}
.key{display:flex;flex-wrap:wrap;gap:.15rem 1.2rem;font-size:.9rem;color:var(--soft);
margin:.2rem 0 .7rem;padding:0;list-style:none}
.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.45em}
.base{background:var(--base)}.tuned,.document{background:var(--tuned)}
.retold{background:color-mix(in srgb,var(--tuned) 50%,var(--card))}.general{background:var(--extra)}
.bar{display:flex;height:1.6rem;gap:2px;border-radius:6px;overflow:hidden;margin:.4rem 0 .8rem}
.bar span{min-width:2px}
.scroll{overflow-x:auto;margin:1rem 0;background:var(--card);border:1px solid var(--line);
border-radius:12px}
table{border-collapse:collapse;width:100%;font-size:.94rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.8rem 1rem .3rem;font-weight:600}
th,td{padding:.5rem 1rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
.long{max-height:30rem;overflow-y:auto}
.scroll:focus-visible,pre:focus-visible{outline:2px solid var(--tuned);outline-offset:2px}
thead th{position:sticky;top:0;background:var(--card);border-top:0;
color:var(--soft);font-weight:500;font-size:.86rem;white-space:nowrap}
tbody th{font-weight:500;min-width:11rem}td{min-width:6.5rem}td.n{min-width:0}
.n{text-align:right;white-space:nowrap;overflow-wrap:normal}
ul.plain{padding-left:1.1rem;max-width:50rem}
.plain li{margin:.3rem 0}
.samples{display:grid;gap:.9rem}
.sample h3{font-size:1.02rem}
.sample dl{display:grid;gap:.6rem 1.4rem;margin:.6rem 0 0;
grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr))}
.sample dd{white-space:pre-wrap;max-height:14rem;overflow:auto}
.sample .after{border-left:3px solid var(--tuned);padding-left:.7rem}
details{margin:.75rem 0;background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:.8rem 1.1rem}
summary{cursor:pointer;font-weight:600}
summary:focus-visible{outline:2px solid var(--tuned);outline-offset:4px}
pre{overflow-x:auto;font-size:.86rem;line-height:1.5}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
footer{padding:2.5rem 1.25rem;font-size:.88rem}
@media (max-width:36rem){.verdict h2{font-size:1.7rem}.verdict{padding:1.1rem 1.2rem}
main,header{padding-left:.9rem;padding-right:.9rem}figure,.card{padding:.9rem}
th,td{padding:.45rem .7rem}tbody th{min-width:8.5rem}}
@media print{:root{--paper:#fff}html{font-size:12px}body{font-size:1rem}header{padding-top:0}
th,td{padding:.35rem .6rem}.n{white-space:normal}tbody th{min-width:8rem}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
figure,.card,.verdict,.tiles li,tr{break-inside:avoid}h2,h3{break-after:avoid}
.scroll,.sample dd{overflow:visible;max-height:none}thead th{position:static}
.figures{grid-template-columns:1fr 1fr}}
"""

HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<style>{{ style | safe }}</style>
"""
"""How every page begins, up to what it says of itself."""

_MACROS = """\
{%- macro facts(rows) -%}
<dl class="facts">{% for row in rows %}
<div><dt>{{ row.name }}</dt><dd>{{ row.value }}</dd></div>{% endfor %}
</dl>
{%- endmacro -%}
{%- macro figures(plots, key) -%}
<div class="figures">{% for plot in plots %}
<figure><h3>{{ plot.title }}</h3>
{% if key %}<ul class="key"><li><i class="base"></i>base</li>
<li><i class="tuned"></i>tuned</li></ul>{% endif %}
{{ plot.svg | safe }}
<figcaption>{{ plot.caption }}</figcaption></figure>{% endfor %}
</div>
{%- endmacro -%}
{%- macro listing(grid) -%}
<div class="scroll{% if grid.rows | length > 15 %} long{% endif %}" role="region" tabindex="0"
 aria-label="{{ grid.caption }}"><table>
<caption>{{ grid.caption }}</caption>
<thead><tr>{% for name in grid.header %}
<th scope="col"{% if loop.index0 in grid.numeric %} class="n"{% endif %}>{{ name }}</th>
{%- endfor %}</tr></thead>
<tbody>{% for row in grid.rows %}
<tr><th scope="row" dir="auto">{{ row[0] }}</th>{% for cell in row[1:] %}
<td{% if loop.index in grid.numeric %} class="n"{% else %} dir="auto"{% endif %}>{{ cell }}</td>
{%- endfor %}</tr>{% endfor %}
</tbody></table></div>
{%- if grid.more %}<p class="soft">and {{ "{:,}".format(grid.more) }} more</p>{% endif %}
{%- endmacro -%}
{%- macro bullets(lines) -%}
<ul class="plain">{% for line in lines %}
<li dir="auto">{{ line }}</li>{% endfor %}
</ul>
{%- endmacro -%}
"""

_BODY = """\
<meta name="description" content="{{ verdict }}">
<title>{{ headline }}: {{ name }}, steep report</title>
</head>
<body>
<header><h1>steep report: <bdi>{{ name }}</bdi></h1></header>
<main>
<section class="verdict {{ 'good' if ship else 'bad' }}" aria-labelledby="verdict">
<h2 id="verdict">{{ headline }}</h2>
<p dir="auto">{{ sentence }}</p>
</section>
<ul class="tiles">{% for tile in tiles %}
<li class="{{ tile.tone }}"><strong>{{ tile.name }}</strong><small>{{ tile.detail }}</small></li>
{%- endfor %}
</ul>

<h2>Before and after</h2>
{{ figures(outcomes, true) if outcomes }}
{% for grid in measures %}{{ listing(grid) }}
{% endfor %}
<p class="soft">{{ power }}</p>
{% if not_measured %}<p class="soft">Not measured: {{ not_measured }}.</p>{% endif %}
{% if stages %}{{ listing(stages) }}{% endif %}
{% if benchmarks %}{{ listing(benchmarks) }}
<p>{{ benchmark_note }}</p>{% endif %}
{% if reasons %}<h3>Why this verdict</h3>
{{ bullets(reasons) }}{% endif %}
{% if advice %}<h3>What to try next</h3>
{{ bullets(advice) }}{% endif %}

{% if samples %}<h2>Answers, side by side</h2>
<div class="samples">{% for sample in samples %}
<article class="card sample"><h3 dir="auto">{{ sample.question }}</h3>
<dl><div><dt>Truth</dt><dd dir="auto">{{ sample.truth }}</dd></div>
<div><dt>Base model</dt><dd dir="auto">{{ sample.base }}</dd></div>
<div class="after"><dt>Tuned model</dt><dd dir="auto">{{ sample.tuned }}</dd></div></dl>
</article>{% endfor %}
</div>{% endif %}

<h2>What was read and trained</h2>
{% if documents %}{{ facts(documents) }}{% else %}<p>No ledger was kept.</p>{% endif %}
{% if shares %}<h3>Tokens trained</h3>
<div class="bar" aria-hidden="true">{% for share in shares %}
<span class="{{ share.group }}" style="flex:{{ share.tokens }}"></span>{% endfor %}
</div>
<ul class="key">{% for share in shares %}
<li><i class="{{ share.group }}"></i>{{ share.name }}: {{ "{:,}".format(share.tokens) }}
({{ "%.1f" | format(100 * share.share) }}%)</li>{% endfor %}
</ul>{% endif %}
{% if knowledge %}<p>{{ knowledge }}</p>{% endif %}
{% if rewriting %}<p>{{ rewriting }}</p>{% endif %}
{% if contamination %}<p>{{ contamination }}</p>{% endif %}
{% if sources %}<h3>The documents</h3>
{{ figures(lengths, false) if lengths }}
{% for grid in sources %}{{ listing(grid) }}
{% endfor %}{{ bullets(cleaning) }}{% endif %}
{% for grid in listings %}{{ listing(grid) }}
{% endfor %}

{% if training %}<h2>Training</h2>
{{ facts(training) }}
{{ figures(plots, false) if plots }}{% endif %}

<h2>To look closer</h2>
{% if recipe %}<details><summary>Recipe</summary><pre tabindex="0"><code dir="auto">
{{- recipe }}</code></pre></details>{% endif %}
{% if machine %}<details><summary>Machine and versions</summary>
{{ facts(machine) }}</details>{% endif %}
{% if files %}{{ listing(files) }}{% endif %}
</main>
<footer>Written by steep. This page is one file: it loads nothing and runs no scripts.</footer>
</body>
</html>
"""

TEMPLATE = _MACROS + HEAD + _BODY
