import { Option } from 'commander';
import { GscError } from '../../base/error.ts';
import type { RuntimeVersion } from '../../index.ts';
import { parseRuntimeVersion } from '../../tools.ts';

/** The release whose rules are followed when nothing says another. */
export const defaultRuntimeVersion = parseRuntimeVersion('1.9');

/** `--runtime-version`, alike in all commands; its value is a {@link RuntimeVersion}. */
export function runtimeVersionOption(): Option {
  return new Option(
    '--runtime-version <version>',
    'whose rules to follow: 1.4 to 1.9, master, or graphene-1.1 and the like',
  ).argParser(parseOption);
}

function parseOption(text: string): RuntimeVersion {
  try {
    return parseRuntimeVersion(text, '--runtime-version');
  } catch (error) {
    if (!(error instanceof GscError)) throw error;
    const { subject, detail: message } = error;
    throw new GscError({
      code: 'usage',
      subject,
      message,
      hint: 'write it as in --runtime-version 1.9',
      cause: error,
    });
  }
}
