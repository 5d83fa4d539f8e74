// What is shipped, as a CycloneDX 1.6 document (ECMA-424): gsc and the packages in its bundle, with versions, licences and hashes. Nothing in
// it comes from a clock or a random number.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `@sigstore/core` 3.2.1 -> `pkg:npm/%40sigstore/core@3.2.1` */
function purlOf(name, version) {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** A licence by its identifier, or several as an expression. */
function licencesOf(license) {
  return /[ ()]/.test(license)
    ? [{ expression: license.replace(/^\((.*)\)$/, '$1') }]
    : [{ license: { id: license } }];
}

function libraryComponent({ name, version, license, sha512 }) {
  const purl = purlOf(name, version);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    scope: 'required',
    hashes: [{ alg: 'SHA-512', content: sha512 }],
    licenses: licencesOf(license),
    purl,
  };
}

/** The document as text. `others` are components that are shipped beside the bundle, in CycloneDX's form. */
export function sbom(packages, others = []) {
  const { name, version, license, description } = JSON.parse(readFileSync('package.json', 'utf8'));
  const root = purlOf(name, version);
  const refs = new Map(packages.map((each) => [each.name, purlOf(each.name, each.version)]));
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        ...{ type: 'application', 'bom-ref': root, name, version, description },
        ...{ licenses: licencesOf(license), purl: root },
      },
    },
    components: [...packages.map(libraryComponent), ...others],
    dependencies: [
      { ref: root, dependsOn: [...refs.values(), ...others.map((each) => each['bom-ref'])] },
      ...packages.map(({ name: own, dependencies }) => ({
        ref: refs.get(own),
        dependsOn: dependencies.flatMap((each) => refs.get(each) ?? []),
      })),
      ...others.map((each) => ({ ref: each['bom-ref'], dependsOn: [] })),
    ],
  };
  const { bomFormat, ...rest } = document;
  const text = { bomFormat, serialNumber: serialNumberOf(rest), ...rest };
  return `${JSON.stringify(text, null, 2)}\n`;
}

/** A UUID of the contents (RFC 9562, version 8): the same document has the same one. */
function serialNumberOf(contents) {
  const hex = createHash('sha256').update(JSON.stringify(contents)).digest('hex');
  const variant = ((Number.parseInt(hex[16], 16) & 3) | 8).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The licences of the packages, each text once. */
export function notices(packages) {
  const byText = new Map();
  for (const each of packages)
    for (const text of each.licenceTexts) byText.set(text, [...(byText.get(text) ?? []), each]);
  const parts = [...byText].map(([text, users]) => {
    const heads = users.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${heads.join('\n')}\n\n${text}\n`;
  });
  return `gsc contains code of these packages.\n\n${parts.join(`\n${'-'.repeat(72)}\n\n`)}`;
}

/** Node's program as a component. */
export function nodeComponent(node) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().replace(/^v/, '');
  return {
    type: 'application',
    'bom-ref': `node@${version}`,
    name: 'node',
    version,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    hashes: [{ alg: 'SHA-256', content: createHash('sha256').update(readFileSync(node)).digest('hex') }],
    licenses: [{ license: { name: 'Node.js license' } }],
  };
}

/** The file with Node's licence: beside the program, as in its archives, or where packages have it; undefined if it is nowhere. */
export function nodeLicence(node) {
  const places = [
    join(dirname(realpathSync(node)), '../LICENSE'),
    '/usr/share/doc/nodejs/LICENSE',
    '/usr/share/doc/nodejs/copyright',
  ];
  return places.find((place) => existsSync(place));
}
