import { type ByteString, type ImagePath, imagePath } from '../base/image-path.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { decideAccess } from '../manifest/files/access-decision.ts';
import { isTable, type TomlDocument, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import type { ProfileEntry } from '../profile/profile.ts';
import type { Trace } from '../trace/opened-names.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { escapeGlob } from '../trust/glob.ts';
import { type GraminizeOptions, noChoices } from './build-options.ts';

/** Where the runtime writes its log in the container. The file is there beforehand: any user may append to it. */
export const traceLog = imagePath('/.gsc-trace.log');

const logMode = 0o666;

/** What makes the runtime its own tracer: nothing is refused, and each system call has a line in a file on the host. */
const traceKeys: readonly (readonly [path: readonly [string, string], value: TomlValue])[] = [
  [['loader', 'log_level'], 'trace'],
  [['loader', 'log_file'], traceLog],
  [['sgx', 'file_check_policy'], 'allow_all_but_log'],
];

/**
 * The options for an image that is run to be traced, in direct mode: as the build would have it, with next to nothing in the list
 * of trusted files, so that it starts at once with every runtime, and without what attestation brings.
 */
export function traceVariant(options: GraminizeOptions): GraminizeOptions {
  const { choices: given = noChoices, manifest } = options;
  // Without an enclave there is nothing to attest with: what that starts with would end the run.
  const { raTls: _, secretBrokers: __, ...choices } = given;
  const log = { path: traceLog, mode: logMode, content: Buffer.alloc(0) };
  return {
    ...options,
    manifest: withTraceKeys(manifest),
    choices: { ...choices, files: [...choices.files, log] },
    trust: [],
    exclude: ['/'],
    profile: undefined,
  };
}

function withTraceKeys(manifest: TomlDocument | undefined): TomlDocument {
  const root = new Map(manifest?.root ?? []);
  for (const [[table, key], value] of traceKeys) {
    const above = root.get(table);
    root.set(table, new Map([...(isTable(above) ? above : []), [key, value]]));
  }
  const locate = manifest?.locate ?? (() => ({ line: 1, column: 1, offset: 0 }));
  return { subject: manifest?.subject ?? 'gsc trace', root, locate };
}

/** The start directory of a complete manifest. */
export function startDirectoryOf({ root }: CompleteManifest): ImagePath {
  const directory = valueAt(root, ['fs', 'start_dir']);
  return imagePath(typeof directory === 'string' ? directory : '/');
}

/**
 * What of a trace is a file of the app image, as lines of a profile: mounts replaced and links to directories followed, the last
 * component as it was opened, since the name of a library stays where its version changes.
 */
export function tracedEntries(
  trace: Trace,
  { manifest, tree }: { readonly manifest: CompleteManifest; readonly tree: FileTree },
): readonly ProfileEntry[] {
  const written = new Set(trace.written);
  return trace.opened.flatMap(({ path, byProgram }) => {
    const treatment = decideAccess(manifest.names, path);
    if (!('hostPath' in treatment) || written.has(path)) return [];
    const name = fileNameIn(tree, treatment.hostPath);
    return name === undefined ? [] : [{ pattern: escapeGlob(name), byProgram, note: '', comments: [] }];
  });
}

/** The name of a regular file, its directories real. */
function fileNameIn(tree: FileTree, hostPath: ByteString): ImagePath | undefined {
  const target = resolvePath(tree, hostPath);
  if (target.kind !== 'found' || target.node.kind !== 'file') return undefined;
  const name = resolvePath(tree, hostPath, { followLast: false });
  return name.kind === 'found' ? name.path : undefined;
}
