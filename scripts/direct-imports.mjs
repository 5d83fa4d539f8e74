// For esbuild: what the command line imports from the library's faces (src/index.ts and its neighbours) it imports from the modules
// behind them. Of a face esbuild takes everything along into each command, needed or not.
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const face = /import\s*(type\s)?\s*\{([^}]*)\}\s*from\s*'((?:\.\.\/)+(?:index|attest|tools|parts)\.ts)';/g;
const reExport = /export\s*(type\s)?\s*\{([^}]*)\}\s*from\s*'([^']+)';/g;

/** `a as b` -> where it comes from, and its name there and here. */
function namesIn(list) {
  const entries = list.split(',').map((entry) => entry.trim().replace(/^type\s+/, ''));
  return entries
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [name, shown = name] = entry.split(/\s+as\s+/);
      return { name, shown };
    });
}

/** Of each name that a face exports, the module and the name there. */
async function exportsOf(path) {
  const found = new Map();
  for (const [, , list, module] of (await readFile(path, 'utf8')).matchAll(reExport))
    for (const { name, shown } of namesIn(list))
      found.set(shown, { name, module: join(dirname(path), module) });
  return found;
}

export const directImports = {
  name: 'direct-imports',
  setup({ onLoad }) {
    const faces = new Map();
    const faceAt = (path) => {
      if (!faces.has(path)) faces.set(path, exportsOf(path));
      return faces.get(path);
    };
    onLoad({ filter: /\/src\/cli\/.*\.ts$/ }, async ({ path }) => {
      let contents = await readFile(path, 'utf8');
      for (const [statement, type = '', list, module] of contents.matchAll(face)) {
        const exported = await faceAt(resolve(dirname(path), module));
        const lines = namesIn(list).map(({ name, shown }) => {
          const origin = exported.get(name);
          if (origin === undefined) throw new Error(`${path}: ${module} exports no ${name}`);
          return `import ${type}{ ${origin.name} as ${shown} } from ${JSON.stringify(origin.module)};`;
        });
        // As many lines as before: source maps count them.
        const rest = '\n'.repeat(statement.split('\n').length - 1);
        contents = contents.replace(statement, () => lines.join(' ') + rest);
      }
      return { contents, loader: 'ts' };
    });
  },
};
