import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program in a document: the text of a block of TypeScript or JavaScript. */
export interface DocsExample {
  readonly file: string;
  /** From 1, in its document. */
  readonly number: number;
  readonly text: string;
}

/** All programs in README.md and docs/. */
export function docsExamples(): readonly DocsExample[] {
  const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name));
  const files = ['README.md', 'CONTRIBUTING.md', ...pages.filter((name) => name.endsWith('.md')).sort()];
  return files
    .filter((file) => file !== 'docs/api-report.md')
    .flatMap((file) => {
      const blocks = readFileSync(file, 'utf8').matchAll(
        /^```(?:ts|js|typescript|javascript)\n([\s\S]*?)^```$/gm,
      );
      return [...blocks].map(([, text = ''], index) => ({ file, number: index + 1, text }));
    });
}

/**
 * Makes a directory, which the caller removes, in which `gsc` is installed as npm would install it, so that programs find it by its name. It is below
 * node_modules, where gsc's own dependencies are found.
 */
export function libraryUser(): string {
  const directory = mkdtempSync(join(process.cwd(), 'node_modules/.gsc-user-'));
  const installed = join(directory, 'node_modules/gsc');
  mkdirSync(installed, { recursive: true });
  copyFileSync('package.json', join(installed, 'package.json'));
  execFileSync(process.execPath, ['scripts/build.mjs', '--library', join(installed, 'dist')]);
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
  return directory;
}

/** Compiles programs against the built types, strictly, and gives what tsc says: nothing if all is well. */
export function compile(directory: string, examples: readonly DocsExample[]): string {
  for (const example of examples) writeFileSync(join(directory, `${nameOf(example)}.ts`), example.text);
  const compilerOptions = {
    ...{ target: 'es2023', module: 'nodenext', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
    ...{ strict: true, noUnusedLocals: true, skipLibCheck: false, outDir: 'out', rootDir: '.' },
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  try {
    execFileSync('node_modules/.bin/tsc', ['-p', directory], { encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}

/** The file of a compiled program. */
export function programOf(directory: string, example: DocsExample): string {
  return join(directory, 'out', `${nameOf(example)}.js`);
}

function nameOf({ file, number }: DocsExample): string {
  return `${file.replace(/\W+/g, '-')}-${number}`;
}
