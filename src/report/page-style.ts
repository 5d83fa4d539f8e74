/** The style of the page: light, dark by the reader's choice, for screens from 320 pixels, and for paper. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2125; --quiet: #59616a; --line: #d8dce0; --shade: #f5f6f7; --link: #1f5f8b;
  --good: #17653a; --bad: #a8231c;
  --trusted: #cfe2ee; --runtime: #e4e6e9; --host: #f6c9c4; --left-out: #f3e3c3; --hatch: #e6cf9f;
  --heap: #eef0f2; --code: #cfe2ee; --thread: #dcd6ec; --manifest: #cfe6d3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e5e8eb; --quiet: #a3abb4; --line: #343a40; --shade: #1c2024; --link: #8cc4ea;
    --good: #7fd0a0; --bad: #ff9e95;
    --trusted: #1d4358; --runtime: #363c43; --host: #6a2a27; --left-out: #4d3f1f; --hatch: #5f4f2a;
    --heap: #23282d; --code: #1d4358; --thread: #3b3359; --manifest: #22462b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 3rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%;
}
h1, h2, h3 { line-height: 1.25; font-weight: 600; text-wrap: balance; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; }
h2 { margin: 0 0 .75rem; font-size: 1.25rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
section { margin-top: 2.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
a { color: var(--link); }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
code, .subject, .detail, .label, dd, td, th, li { unicode-bidi: isolate; overflow-wrap: break-word; }
code, .subject, .detail, .label { overflow-wrap: anywhere; }
code.hash { font-size: .775em; }
small { color: var(--quiet); font-size: .875em; }
td.from, .guard { white-space: nowrap; }
.quiet { color: var(--quiet); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.kicker { margin: 0; color: var(--quiet); font-size: .875rem; }
.verdict { font-weight: 600; }
.notice { padding-left: .75rem; border-left: 3px solid currentColor; }
.facts { margin: 1rem 0; }
.facts > div { display: grid; grid-template-columns: 8.5rem 1fr; gap: 0 1rem; padding: .3rem 0; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; min-width: 0; }
.words code { padding: .05em .3em; background: var(--shade); border-radius: 3px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: 1.5rem 0 0; padding: 0; list-style: none; }
table { width: 100%; margin: 0 0 1rem; border-collapse: collapse; font-size: .9375rem; }
caption { padding: 0 0 .4rem; color: var(--quiet); font-size: .875rem; text-align: left; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: .875rem; font-weight: 400; }
tbody th { font-weight: 400; }
tbody th.group { padding-top: 1.1rem; font-weight: 600; }
tr.own th, tr.own td { font-weight: 600; }
tr.own small { font-weight: 400; }
.result { min-width: 5.6rem; white-space: nowrap; color: var(--quiet); }
.result-ok { color: var(--good); }
.result-failed { color: var(--bad); font-weight: 600; }
.subject { font-weight: 400; }
.subject::after { content: ':'; }
.lines { margin: .35rem 0 0; padding: .4rem .6rem; background: var(--shade); list-style: none; }
.lines code { white-space: pre-wrap; }
.aliases { margin: 0; padding: 0; columns: 2; column-gap: 2rem; list-style: none; font-size: .875rem; }
.aliases li { padding: .1rem 0; break-inside: avoid; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: 0 0 .75rem; padding: 0; list-style: none; font-size: .9375rem; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .45em; vertical-align: -.1em; border: 1px solid var(--quiet); }
.state-trusted { background: var(--trusted); }
.state-runtime { background: var(--runtime); }
.state-host { background: var(--host); }
.state-left-out { background: repeating-linear-gradient(135deg, var(--left-out) 0 7px, var(--hatch) 7px 9px); }
.map { position: relative; aspect-ratio: 16 / 9; margin: 0 0 1.5rem; overflow: hidden; }
.box { position: absolute; overflow: hidden; outline: 1px solid var(--paper); outline-offset: -1px; container-type: size; }
.box .label { padding: .2rem .4rem; font-size: .8125rem; line-height: 1.35; direction: ltr; }
.box b { display: block; overflow: hidden; font-weight: 600; text-overflow: ellipsis; white-space: nowrap; }
@container (max-width: 3.2rem) or (max-height: 1.4rem) { .box .label { display: none; } }
@container (max-height: 2.7rem) { .box b { display: inline; } .box .label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } }
.strip { display: flex; height: 3.2rem; margin: 0 0 1.25rem; border: 1px solid var(--quiet); }
.range { flex: 1 1 0; min-width: 0; overflow: hidden; border-right: 1px solid var(--quiet); container-type: size; }
.range:last-child { border-right: 0; }
.range .label { display: block; padding: .3rem .35rem; font-size: .75rem; line-height: 1.25; overflow-wrap: normal; }
@container (max-width: 2.8rem) { .range .label { display: none; } }
.area-free { background: var(--heap); }
.area-pal, .area-executable { background: var(--code); }
.area-manifest { background: var(--manifest); }
.area-stack, .area-sig-stack, .area-tls, .area-tcs, .area-ssa { background: var(--thread); }
.area-gap { background: var(--paper); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .875rem; }
@media screen and (max-width: 40rem) {
  body { padding: 1.25rem 1rem 2rem; }
  h1 { font-size: 1.3rem; }
  .facts > div { grid-template-columns: 1fr; padding: .35rem 0; }
  .map { aspect-ratio: 4 / 5; }
  .aliases { columns: 1; }
  table, caption, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: .45rem 0; border-bottom: 1px solid var(--line); }
  tr:has(> .group) { padding: 1.1rem 0 .45rem; }
  tbody th, tbody td, tbody th.group { padding: 0; border: 0; }
  td.none { display: none; }
  td[data-label]::before { content: attr(data-label) ': '; color: var(--quiet); }
  .result, .result + th { display: inline-block; margin-right: .6rem; min-width: 0; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #ffffff; --ink: #000000; --quiet: #4a5157; --line: #c6cbd0; --shade: #f5f6f7; --link: #000000;
    --good: #14532f; --bad: #8f1d17;
    --trusted: #cfe2ee; --runtime: #e4e6e9; --host: #f6c9c4; --left-out: #f3e3c3; --hatch: #e0c590;
    --heap: #eef0f2; --code: #cfe2ee; --thread: #dcd6ec; --manifest: #cfe6d3;
  }
  @page { margin: 16mm 15mm; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; line-height: 1.4; }
  nav { display: none; }
  section { margin-top: 1.4rem; padding-top: 1rem; }
  h2, h3, caption, thead { break-after: avoid; }
  tr, .map, .strip, .facts > div { break-inside: avoid; }
  .map { aspect-ratio: auto; height: 90mm; }
  .map, .strip, .swatch, .lines, .words code { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
`;
