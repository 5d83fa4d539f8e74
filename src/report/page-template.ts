/** The page: its head, and its parts in order. Only our own parts are put in unescaped (`<%~`). */
export const pageTemplate = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="gsc <%= it.toolVersion %>">
<title><%= it.report.name %> – enclave report</title>
<style><%~ it.style %></style>
</head>
<body>
<%~ include('@head', it) %>
<main>
<% if (it.report.manifest.value) { %>
<%~ include('@program', it) %>
<%~ include('@insecure', it) %>
<%~ include('@flows', it) %>
<%~ include('@files', it) %>
<%~ include('@start', it) %>
<% } else { %>
<section><h2>Manifest</h2>
<p class="bad">The manifest could not be read, so that what runs, its files and its data are unknown: <%= it.report.manifest.problem %></p>
</section>
<% } %>
<%~ include('@checks', it) %>
<%~ include('@enclave', it) %>
<%~ include('@runtime', it) %>
<%~ include('@layers', it) %>
</main>
<footer><p>Written by gsc <%= it.toolVersion %>. A page proves nothing by itself: <code>gsc verify-image</code> makes the same checks again.</p></footer>
</body>
</html>
`;

const head = `<header>
<p class="kicker">Enclave image</p>
<h1><code><%= it.report.name %></code></h1>
<p class="verdict <%= it.report.isVerified ? 'good' : 'bad' %>"><%= it.verdictText(it.report) %></p>
<% if (!it.report.isSigned) { %>
<p class="notice">It has an enclave's files, but no enclave starts from it before <code>gsc sign-image</code> has signed it.</p>
<% } %>
<% if (it.report.isStandIn) { %>
<p class="notice bad">The runtime in this image is a stand-in for tests: it has no enclave and protects nothing.</p>
<% } %>
<dl class="facts">
<% for (const fact of it.headFacts(it.report)) { %>
<div><dt><%= fact.name %></dt><dd><% if (fact.isPhrase) { %><%= fact.value %><% } else { %><code><%= fact.value %></code><% } %><% if (fact.note) { %> <small><%= fact.note %></small><% } %></dd></div>
<% } %>
</dl>
<nav aria-label="Parts of this report"><ul>
<% if (it.report.manifest.value) { %>
<li><a href="#program">What runs</a></li><li><a href="#insecure">Insecure options</a></li><li><a href="#data">Data</a></li><li><a href="#files">Files</a></li><li><a href="#start">Start</a></li>
<% } %>
<li><a href="#checks">Checks</a></li><li><a href="#enclave">Enclave</a></li><li><a href="#runtime">Runtime</a></li><li><a href="#layers">Layers</a></li>
</ul></nav>
</header>`;

const program = `<% const program = it.report.manifest.value.program; %>
<section id="program"><h2>What runs</h2>
<dl class="facts">
<div><dt>Program</dt><dd><code><%= program.program %></code><% if (program.isRaTls) { %> <small>makes a certificate for RA-TLS, then starts the program that its arguments name</small><% } %></dd></div>
<div><dt>Arguments</dt><dd><span class="words"><% for (const word of program.argv) { %><code><%= word %></code> <% } %></span> <small><%= it.argumentsText(program.arguments) %></small></dd></div>
<div><dt>As</dt><dd><%= program.user %></dd></div>
<div><dt>In</dt><dd><code><%= program.directory %></code></dd></div>
<div><dt>Container</dt><dd><span class="words"><% for (const word of [...program.container.entrypoint, ...program.container.cmd]) { %><code><%= word %></code> <% } %></span> <small>starts the enclave, outside of it, as <%= program.container.user %>; <%= program.container.stopSignal %> stops it<% if (program.container.ports.length > 0) { %>; ports <%= program.container.ports.join(', ') %><% } %></small></dd></div>
</dl>
<h3>Environment</h3>
<% if (program.environment.length > 0) { %>
<table><caption>Variables of the program, as the manifest has them</caption>
<thead><tr><th scope="col">Variable</th><th scope="col">Value</th><th scope="col">From</th></tr></thead>
<tbody>
<% for (const variable of program.environment) { %>
<tr><th scope="row"><code><%= variable.name %></code></th><td><% if (variable.origin === 'host') { %><em>whatever the host has</em><% } else { %><code><%= variable.value %></code><% } %></td><td class="from"><span class="<%= variable.origin === 'host' ? 'bad' : 'quiet' %>"><%= it.originTexts[variable.origin] %></span></td></tr>
<% } %>
</tbody></table>
<% } else { %>
<p>None.</p>
<% } %>
<% for (const sentence of program.moreEnvironment) { %>
<p class="bad"><%= sentence %></p>
<% } %>
</section>`;

const insecure = `<% const insecure = it.report.manifest.value.insecure; %>
<section id="insecure"><h2>Insecure options</h2>
<% if (insecure.length > 0) { %>
<table><caption>What in the manifest weakens the enclave</caption>
<thead><tr><th scope="col">Key</th><th scope="col">What it means</th></tr></thead>
<tbody>
<% for (const row of insecure) { %>
<tr><th scope="row"><code><%= row.key %></code></th><td><%= row.reason %></td></tr>
<% } %>
</tbody></table>
<% } else { %>
<p>None: nothing in the manifest weakens the enclave.</p>
<% } %>
</section>`;

const flows = `<% const { flows, aliases } = it.report.manifest.value.data; %>
<section id="data"><h2>Where data come from and go to</h2>
<table><caption>Places that hold or carry data, from the most guarded to the least</caption>
<thead><tr><th scope="col">Place</th><th scope="col">What it is</th></tr></thead>
<% for (const kind of it.flowKinds) { const rows = flows.filter((flow) => flow.kind === kind); if (rows.length === 0) continue; %>
<tbody>
<tr><th scope="rowgroup" colspan="2" class="group <%= kind === 'host' ? 'bad' : '' %>"><%= it.flowTitles[kind] %></th></tr>
<% for (const row of rows) { %>
<tr><th scope="row"><code><%= row.place %></code></th><td><%= row.meaning %></td></tr>
<% } %>
</tbody>
<% } %>
</table>
<% if (aliases.length > 0) { %>
<h3>Other names</h3>
<p>Mounts show the same places under other names. What is there is treated as under its own name.</p>
<ul class="aliases">
<% for (const alias of aliases) { %>
<li><code><%= alias.place %></code> is <code><%= alias.shows %></code></li>
<% } %>
</ul>
<% } %>
</section>`;

const files = `<% const { files, selection } = it.report.manifest.value; %>
<section id="files"><h2>Files</h2>
<p>Every regular file of the image, by directory; the area is the size. A program in the enclave opens what is trusted, with the content that the manifest has the hash of, and nothing that was left out.</p>
<ul class="legend">
<% for (const state of it.fileStates) { if (files.sums[state].count === 0) continue; %>
<li><span class="swatch state-<%= state %>"></span><%= it.stateTexts[state] %>: <%= it.showSum(files.sums[state]) %></li>
<% } %>
</ul>
<div class="map" role="img" aria-label="Map of the files by directory and size. The table below has the same in numbers.">
<% for (const box of it.mapBoxes(files.places).map(it.boxView)) { %>
<div class="box state-<%= box.state %>" style="<%= box.style %>" title="<%= box.title %>"><div class="label"><b><%= box.name %></b> <%= box.size %></div></div>
<% } %>
</div>
<% const states = it.fileStates.filter((state) => files.sums[state].count > 0); %>
<table class="wide"><caption>The same in numbers, the largest directories first</caption>
<thead><tr><th scope="col">Directory</th><% for (const state of states) { %><th scope="col"><%= it.stateTexts[state] %></th><% } %></tr></thead>
<tbody>
<% for (const place of it.placesBySize(files.places)) { %>
<tr><th scope="row"><code><%= it.placeName(place) %></code></th><% for (const state of states) { %><td data-label="<%= it.stateTexts[state] %>"<% if (place.sums[state].count === 0) { %> class="none"<% } %>><%= it.showSum(place.sums[state]) %></td><% } %></tr>
<% } %>
</tbody></table>
<h3>What was left out</h3>
<% if (selection.leftOut.length > 0) { %>
<p><% if (selection.isNoted) { %>By the options of the build, as the image has noted them.<% } else { %>How the image was built is not noted in it: the reasons are those of gsc's default rules.<% } %></p>
<table><caption>Files that no program in the enclave can open, and why</caption>
<thead><tr><th scope="col">Rule</th><th scope="col">Reason</th><th scope="col">Files</th></tr></thead>
<tbody>
<% for (const row of selection.leftOut) { %>
<tr><th scope="row"><code><%= row.rule %></code></th><td><%= row.reason %></td><td><%= it.showSum(row) %></td></tr>
<% } %>
</tbody></table>
<% } else { %>
<p>Nothing.</p>
<% } %>
</section>`;

const start = `<% const { selection, hasPredictedStart } = it.report.manifest.value; %>
<section id="start"><h2>How long it takes to start</h2>
<% if (hasPredictedStart) { %>
<p>Gramine reads the list of trusted files at the start of every process. From a fast machine to a slow one, predicted by the number of entries:</p>
<table><caption>Predicted time by level of trust</caption>
<thead><tr><th scope="col">Level</th><th scope="col">Trusted files</th><th scope="col">With this runtime</th><th scope="col">With one that reads in linear time</th></tr></thead>
<tbody>
<% for (const row of selection.levels) { %>
<tr<% if (row.isOwn) { %> class="own"<% } %>><th scope="row"><%= row.level %><% if (row.isOwn) { %> <small>this image</small><% } %></th><td data-label="trusted files"><%= it.showCount(row.trustedFileCount) %></td><td data-label="with this runtime"><%= it.levelSeconds(row) %></td><td data-label="in linear time"><%= it.linearSeconds(row) %></td></tr>
<% } %>
</tbody></table>
<% } else { %>
<p>Nothing was measured with this release, so nothing is predicted.</p>
<% } %>
</section>`;

const checks = `<section id="checks"><h2>Checks</h2>
<p>What <code>gsc verify-image</code> says. <em>Measured</em> goes into MRENCLAVE; <em>checked at open</em> is refused by the enclave if it differs; <em>not protected</em> decides what is started, but cannot change the enclave.</p>
<table><caption>Checks by what they are about</caption>
<thead><tr><th scope="col">Result</th><th scope="col">Check</th><th scope="col">What was found</th></tr></thead>
<% for (const table of it.report.checks) { %>
<tbody>
<tr><th scope="rowgroup" colspan="3" class="group"><%= it.groupTitles[table.group] %></th></tr>
<% for (const check of table.checks) { %>
<tr><td class="result result-<%= check.result %>"><%= it.resultTexts[check.result] %></td><th scope="row"><%= check.name %></th><td><b class="subject"><%= check.subject %></b> <span class="detail"><%= check.detail %></span><% if (check.protection) { %> <small class="guard"><%= it.guardTexts[check.protection] %></small><% } %><% if (check.lines && check.lines.length > 0) { %>
<ul class="lines"><% for (const line of check.lines) { %><li><code><%= line %></code></li><% } %></ul><% } %></td></tr>
<% } %>
</tbody>
<% } %>
</table>
</section>`;

const enclave = `<section id="enclave"><h2>The enclave's memory</h2>
<% if (it.report.enclave.value) { const { space } = it.report.enclave.value; const ranges = space.ranges.map(it.rangeView); %>
<p>Its address space before it runs, from the lowest address to the highest. Not to scale: each doubling of a size adds the same width.</p>
<div class="strip" role="img" aria-label="<%= it.stripText(space) %>">
<% for (const range of ranges) { %>
<div class="range area-<%= range.kind %>" style="flex-grow:<%= range.weight %>" title="<%= range.name %>: <%= range.size %>"><span class="label"><%= range.name %></span></div>
<% } %>
</div>
<table class="wide"><caption>The areas of the enclave</caption>
<thead><tr><th scope="col">Area</th><th scope="col">Addresses</th><th scope="col">Size</th><th scope="col">Access</th><th scope="col">Measured</th></tr></thead>
<tbody>
<% for (const range of ranges) { %>
<tr><th scope="row"><%= range.name %></th><td><code><%= range.addresses %></code></td><td data-label="size"><%= range.size %></td><td data-label="access"><% if (range.permissions) { %><code><%= range.permissions %></code><% } else { %>–<% } %></td><td data-label="measured"><%= range.measured %></td></tr>
<% } %>
</tbody></table>
<% } else { %>
<p class="bad">It cannot be laid out: <%= it.report.enclave.problem %></p>
<% } %>
</section>`;

const runtime = `<% const { runtime } = it.report; %>
<section id="runtime"><h2>Runtime</h2>
<dl class="facts">
<div><dt>Version</dt><dd><%= runtime.version %> <small>as the image's labels say</small></dd></div>
<div><dt>Patches</dt><dd><%= runtime.patches.length > 0 ? runtime.patches.join(', ') : 'none' %></dd></div>
<div><dt>Digest</dt><dd><code><%= runtime.digest %></code> <small>over all of its <%= it.showCount(runtime.fileCount) %> files</small></dd></div>
</dl>
<table><caption>Its files, to be compared with a release that you know; the manifest has hashes of those that the application opens only</caption>
<thead><tr><th scope="col">File</th><th scope="col">SHA-256</th></tr></thead>
<tbody>
<% for (const file of runtime.files) { %>
<tr><th scope="row"><code><%= file.path %></code><% if (file.fileCount !== undefined) { %> <small>all <%= it.showCount(file.fileCount) %> files in it</small><% } %></th><td><code class="hash"><%= file.sha256 %></code></td></tr>
<% } %>
</tbody></table>
</section>`;

const layers = `<section id="layers"><h2>Layers</h2>
<table class="wide"><caption>From the lowest to the highest</caption>
<thead><tr><th scope="col">Layer</th><th scope="col">diffId</th><th scope="col">Files</th><th scope="col">Tar</th><th scope="col">Stored</th></tr></thead>
<tbody>
<% for (const layer of it.report.layers) { %>
<tr><th scope="row"><%= layer.number %> <small><%= layer.role %></small></th><td><code class="hash"><%= layer.diffId %></code></td><td data-label="files"><%= it.showCount(layer.fileCount) %></td><td data-label="tar"><%= it.showSize(layer.tarBytes) %></td><td data-label="stored"><%= it.showSize(layer.storedBytes) %></td></tr>
<% } %>
</tbody></table>
</section>`;

export const pageParts = { head, program, insecure, flows, files, start, checks, enclave, runtime, layers };
