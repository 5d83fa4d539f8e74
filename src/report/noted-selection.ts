import { GscError } from '../base/error.ts';
import { bytesOfText, type ImagePath, imagePath } from '../base/image-path.ts';
import type { RecordedOptions } from '../graminize/build-record.ts';
import type { Selections } from '../graminize/graminize-context.ts';
import { variableIn } from '../manifest/schema/variable.ts';
import { isTable, type TomlTable, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { asksForLanguage, languageVariables } from '../trust/trust-level.ts';
import { type SelectOptions, selectTrustedFiles } from '../trust/trusted-files.ts';
import type { GraminizedImage } from '../verify/graminized-image.ts';

/** What the levels of trust choose in a graminized image. */
export interface NotedSelections {
  readonly selections: Selections;
  /** The options of the build, if the image has noted them: without them the defaults apply. */
  readonly options?: RecordedOptions;
}

/** The trusted files of each level, chosen again with the options that the build has noted. */
export function notedSelections({ image, tree, record }: GraminizedImage, root: TomlTable): NotedSelections {
  const select = (options: Pick<SelectOptions, 'trust' | 'exclude'>): Selections => {
    const required = programIn(root).flatMap((path) => {
      const found = resolvePath(tree, path);
      return found.kind === 'found' ? [found.path] : [];
    });
    const common = { ...options, subject: image.name, required, usesTranslations: mayAskForLanguage(root) };
    return {
      full: selectTrustedFiles(tree, { ...common, level: 'full' }),
      lean: selectTrustedFiles(tree, { ...common, level: 'lean' }),
    };
  };
  const options = record.value?.options;
  if (options === undefined) return { selections: select({}) };
  try {
    const { trust = [], exclude = [] } = options;
    return { selections: select({ trust, exclude }), options };
  } catch (error) {
    // A label may ask for files that the image does not have: the checks say that it was changed.
    if (error instanceof GscError) return { selections: select({}) };
    throw error;
  }
}

function programIn(root: TomlTable): readonly ImagePath[] {
  const program = valueAt(root, ['libos', 'entrypoint']);
  return typeof program === 'string' ? [imagePath(bytesOfText(program))] : [];
}

/** True if programs may be asked for another language than their own. */
function mayAskForLanguage(root: TomlTable): boolean {
  const env = valueAt(root, ['loader', 'env']);
  const isOpen =
    valueAt(root, ['loader', 'insecure__use_host_env']) === true ||
    valueAt(root, ['loader', 'env_src_file']) !== undefined;
  const isPassed = languageVariables.some((name) => isTable(env) && isPassedThrough(env.get(name)));
  const variables = languageVariables.map((name) => [name, variableIn(root, name) ?? ''] as const);
  return isOpen || isPassed || asksForLanguage({ variables });
}

function isPassedThrough(value: TomlValue | undefined): boolean {
  return isTable(value) && value.get('passthrough') === true;
}
