import { describe, expect, test } from 'vitest';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { readUserManifest } from '../../src/manifest/user-manifest.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';

function read(text: string, release = '1.9') {
  return readUserManifest(parseToml(text, 'm'), parseRuntimeVersion(release));
}

const shown = (text: string) =>
  read(text).problems.map(({ line, column, hint }) => `${line}:${column} ${hint}`);

describe('keys of older releases', () => {
  test('are rewritten, with a note each and one that names the command', () => {
    const { document, notes, problems } = read('sgx.thread_num = 8\nloader.pal_internal_mem_size = "128M"');
    expect(document.root.get('sgx')).toEqual(new Map([['max_threads', 8n]]));
    expect(problems).toEqual([]);
    expect(notes).toEqual([
      'm:1:5: sgx.thread_num: became sgx.max_threads',
      expect.stringMatching(/^m:2:8: loader\.pal_internal_mem_size: removed/),
      expect.stringContaining('gsc migrate-manifest'),
    ]);
  });

  test.each<[text: string, place: string]>([
    ['\nsgx.thread_num = 5000', '2:5'],
    ['sgx.trusted_files.a = "file:/a"\nsgx.trusted_files.b = "/b"', '2:19'],
    ['fs.mount.a = { path = "a", uri = "file:/a" }\n[fs.mount.b]\npath = "/b"\nuri = "/b"', '4:1'],
    ['sgx.allowed_files = { x = "file:x" }', '1:23'],
    ['sgx.require_avx = "yes"', '1:5'],
    ['\nloader.preload = 5', '2:8'],
    ['loader.exec = "app"', '1:8'],
    ['fs.mount = "x"', '1:4'],
  ])('are located where they stood: %j', (text, place) => {
    expect(shown(text).map((line) => line.split(' ')[0])).toContain(place);
  });

  test('the name of the program alone leaves the arguments of the image', () => {
    const { document, notes } = read('loader.argv0_override = "x"');
    expect(document.root.get('loader')).toBeUndefined();
    expect(notes[0]).toContain("the image's arguments apply");
  });

  test('a relative mount path is not an old form but a mistake', () => {
    expect(shown('fs.mounts = [{ path = "etc", uri = "file:/etc" }]')).toEqual(['1:16 write /etc']);
    expect(read('fs.mount.x = { path = "etc", uri = "file:/etc" }').problems).toEqual([]);
  });
});

describe('relative URIs', () => {
  test.each<[key: string, hint: string]>([
    ['sgx.allowed_files = ["file:data/"]', 'write file:/data/'],
    ['sgx.allowed_files = ["file:./data"]', 'write file:/data'],
    ['sgx.trusted_files = ["file:a"]', 'write file:/a'],
    ['sgx.trusted_files = [{ uri = "file:../a/", sha256 = "00" }]', 'write file:/a/'],
    ['fs.mounts = [{ path = "/a", uri = "file:a" }]', 'write file:/a'],
    ['fs.mounts = [{ type = "encrypted", path = "/a", uri = "file:ä/" }]', 'write file:/ä/'],
    ['fs.root.uri = "file:."', 'write file:/'],
    ['fs.root.uri = "file:"', 'write file:/'],
    ['loader.argv_src_file = "file:argv"', 'write file:/argv'],
    ['loader.env_src_file = "file:env"', 'write file:/env'],
    ['loader.entrypoint.uri = "file:libsysdb.so"', 'write file:/libsysdb.so'],
  ])('%s is an error that says what to write', (text, hint) => {
    expect(read(text).problems.map((problem) => problem.hint)).toContain(hint);
  });

  test('of what is not a file, or means nothing, are none', () => {
    expect(shown('sgx.allowed_files = ["dev:tty"]')).toEqual([]);
    expect(shown('fs.mounts = [{ type = "tmpfs", path = "/a", uri = "file:a" }]')).toEqual([]);
  });
});

describe('templates', () => {
  test.each([
    'libos.entrypoint = "{{ entrypoint }}"',
    'loader.env.A = "/lib:{{ arch_libdir }}"',
    'loader.env.A = { value = "{%if x%}1{%endif%}" }',
    'fs.mounts = [{ path = "/lib", uri = "file:{{- gramine.runtimedir() -}}" }]',
    'loader.argv = ["a", "{# later #}"]',
    `sgx.trusted_files = ["file:{{ 'a' }}"]`,
    'loader.env."{{ name }}" = "x"',
    'sgx.trusted_files = ["file:$(GRAPHENEDIR)/Runtime/ld.so"]',
  ])('%s is one that is not rendered', (text) => {
    const [problem, ...others] = read(text).problems;
    expect(others).toEqual([]);
    expect(problem?.message).toMatch(/^an unrendered template: [{$]/);
    expect(problem?.hint).toMatch(/render it first/);
  });

  test.each([
    'loader.env.A = "{{.Name}} {{json .}} {{ $x }} {{ range .Items }}"',
    'loader.env.A = "{{#each}} {{}} {{{raw}}} { a } }} {{"',
    'loader.env.A = "{{ a = 1 }}"',
    'loader.env.A = "100%} {100%"',
    'loader.argv = ["sh", "-c", "echo $(date)"]',
  ])('%s has other braces', (text) => {
    expect(read(text).problems).toEqual([]);
  });
});
